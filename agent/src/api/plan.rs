// SPDX-License-Identifier: Apache-2.0
//! `POST /v1/plan`: what a step would do, for whoever has the agent's token.
//!
//! It is not part of the contract and cannot be taken for a command: it has a
//! path of its own, starts nothing, leaves no record, and fetches nothing.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use ironseed_core::node::Node;
use ironseed_core::steps::StepPhase;
use ironseed_ironic::error::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Answer, Api, Question, Refused, another_answer, ask};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanQuestion {
    /// Name of the step.
    pub(crate) step: String,
    /// The phase; without it the first that has the step: cleaning,
    /// deployment, servicing.
    #[serde(default)]
    pub(crate) phase: Option<StepPhase>,
    /// The step's arguments, as in a command.
    #[serde(default)]
    pub(crate) args: Map<String, Value>,
    /// The node, as in a command; without it the one that lookup answered.
    #[serde(default)]
    pub(crate) node: Option<Node>,
}

pub(super) async fn show_plan(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refused> {
    let question = body
        .map_err(|rejection| ApiError::BadRequest(rejection.body_text()))
        .and_then(|body| {
            serde_json::from_slice::<PlanQuestion>(&body)
                .map_err(|error| ApiError::BadRequest(format!("no question for a plan: {error}")))
        });
    // Who brings no valid token learns nothing about the body.
    let question = match question {
        Ok(question) => Box::new(question),
        Err(error) => {
            ask(&api, query.as_deref(), |_| Question::Authorize).await?;
            return Err(Refused(error));
        }
    };
    match ask(&api, query.as_deref(), |_| Question::Plan(question)).await? {
        Answer::Plan(plan) => Ok(Json(plan)),
        _ => Err(another_answer()),
    }
}
