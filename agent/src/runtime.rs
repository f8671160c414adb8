// SPDX-License-Identifier: Apache-2.0
//! The loop around the life cycle: one owner of its state, inputs in, effects
//! out.
//!
//! Every effect runs in a task of its own and hands its result back through
//! the same channel, so that a slow Ironic or a long step never keeps a
//! command list waiting.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::event::Event;
use ironseed_core::image_request::Secret;
use ironseed_core::lifecycle::{CommandState, Effect, Input, Lifecycle, Rejection, Timer, Work};
use ironseed_ironic::error::ApiError;
use ironseed_ironic::request::Request;
use ironseed_ironic::result::CommandResult;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::agent::Agent;
use crate::api::{self, Answer, Call, Question};
use crate::callback;
use crate::ironic;
use crate::work;

/// Name of the file that keeps the life cycle's state.
pub(crate) const STATE_FILE: &str = "state.json";

/// The loop and what it holds.
#[derive(Debug)]
pub(crate) struct Runtime {
    agent: Arc<Agent>,
    life: Lifecycle,
    inputs: mpsc::UnboundedSender<Input>,
    timers: HashMap<Timer, AbortHandle>,
    waiting: HashMap<String, Vec<Reply>>,
    /// A synchronous command at work; other commands wait in line behind it
    /// instead of being refused (contract §11).
    synchronous: Option<String>,
    line: Vec<(Box<Request>, bool, Reply)>,
    api: Option<tokio::task::JoinHandle<()>>,
    calls: mpsc::Sender<Call>,
}

type Reply = oneshot::Sender<Result<Answer, ApiError>>;

impl Runtime {
    /// Runs for as long as the machine does.
    pub(crate) async fn run(agent: Arc<Agent>, life: Lifecycle) {
        let (inputs, mut arriving) = mpsc::unbounded_channel();
        let (calls, mut asked) = mpsc::channel(16);
        let mut runtime = Self {
            agent,
            life,
            inputs,
            timers: HashMap::new(),
            waiting: HashMap::new(),
            synchronous: None,
            line: Vec::new(),
            api: None,
            calls,
        };
        runtime.input(Input::Ready);
        loop {
            tokio::select! {
                Some(input) = arriving.recv() => runtime.input(input),
                Some(call) = asked.recv() => runtime.call(call),
            }
        }
    }

    fn input(&mut self, input: Input) {
        let ended = match &input {
            Input::WorkEnded { id, .. } => Some(id.clone()),
            _ => None,
        };
        let effects = self.life.handle(self.agent.clock.since_boot(), input);
        self.carry_out(effects);
        if let Some(id) = ended {
            self.tell_waiting(&id);
            if self.synchronous.as_ref() == Some(&id) {
                self.synchronous = None;
                for (request, wait, reply) in std::mem::take(&mut self.line) {
                    self.start(request, wait, reply);
                }
            }
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Emit(event) => self.agent.events.emit(&event),
                Effect::Inspect => {
                    let inputs = self.inputs.clone();
                    self.spawn(|agent| ironic::inspect(agent, inputs));
                }
                Effect::Lookup { node_uuid } => {
                    self.spawn(|agent| ironic::lookup(agent, node_uuid))
                }
                Effect::Heartbeat(facts) => self.spawn(|agent| ironic::heartbeat(agent, facts)),
                Effect::Listen => self.listen(),
                Effect::Arm(timer, pause) => self.arm(timer, pause),
                Effect::Run { id, work } => self.work(id, work),
                Effect::Save => self.save(),
            }
        }
    }

    /// Runs something whose result is an input.
    fn spawn<F>(&self, task: impl FnOnce(Arc<Agent>) -> F)
    where
        F: Future<Output = Input> + Send + 'static,
    {
        let (running, inputs) = (task(Arc::clone(&self.agent)), self.inputs.clone());
        tokio::spawn(async move {
            // The receiver lives as long as the process.
            let _ = inputs.send(running.await);
        });
    }

    fn arm(&mut self, timer: Timer, pause: Duration) {
        let inputs = self.inputs.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = inputs.send(Input::TimerExpired(timer));
        });
        if let Some(earlier) = self.timers.insert(timer, task.abort_handle()) {
            earlier.abort();
        }
    }

    fn listen(&mut self) {
        let (agent, calls, inputs) = (
            Arc::clone(&self.agent),
            self.calls.clone(),
            self.inputs.clone(),
        );
        // Ending this task ends the server with it.
        self.api = Some(tokio::spawn(callback::serve(agent, calls, inputs)));
    }

    fn work(&mut self, id: String, work: Work) {
        if work == Work::Lockdown {
            self.lock_down();
            return;
        }
        let (node, written) = (self.life.node().clone(), self.life.written().cloned());
        self.spawn(move |agent| async move {
            let result = work::run(&agent, work, node, written).await;
            Input::WorkEnded { id, result }
        });
    }

    /// Contract §18: answer, stop the API, take the network down, stay.
    fn lock_down(&mut self) {
        let (agent, api) = (Arc::clone(&self.agent), self.api.take());
        for (_, timer) in self.timers.drain() {
            timer.abort();
        }
        tokio::spawn(async move {
            // The answer to the command is still on its way out.
            tokio::time::sleep(Duration::from_millis(500)).await;
            if let Some(api) = api {
                api.abort();
            }
            work::lock_down(&agent).await;
        });
    }

    fn save(&self) {
        let saved = serde_json::to_vec(&self.life.saved()).map_err(|error| error.to_string());
        let kept = saved.and_then(|bytes| {
            self.agent
                .state
                .replace(STATE_FILE, &bytes)
                .map_err(|error| error.to_string())
        });
        if let Err(error) = kept {
            self.agent.events.warn(format!(
                "the agent's state cannot be kept, a restart would lose it: {error}"
            ));
        }
    }

    fn call(&mut self, call: Call) {
        let known = match (self.life.token(), &call.token) {
            (Some(ours), Some(given)) => matches(ours, given),
            _ => false,
        };
        if !known {
            reply(call.answer, Err(ApiError::Unauthorized));
            return;
        }
        match call.question {
            Question::List => {
                let all = self.life.records().iter().map(api::wire_result).collect();
                reply(call.answer, Ok(Answer::All(all)));
                self.input(Input::CommandsRead);
            }
            Question::Show { id, wait } => {
                if self.life.record(&id).is_none() {
                    reply(
                        call.answer,
                        Err(ApiError::NotFound(format!("command {id}"))),
                    );
                } else {
                    self.answer_with(&id, wait, call.answer);
                    self.input(Input::CommandsRead);
                }
            }
            Question::Authorize => reply(call.answer, Ok(Answer::All(Vec::new()))),
            Question::Plan(question) => self.plan(*question, call.answer),
            Question::Start { request, wait } if self.synchronous.is_some() => {
                self.line.push((request, wait, call.answer))
            }
            Question::Start { request, wait } => self.start(request, wait, call.answer),
        }
    }

    /// Shows a plan beside whatever else is done: it is no command.
    fn plan(&self, question: api::PlanQuestion, answer: Reply) {
        let agent = Arc::clone(&self.agent);
        let (node, written) = (self.life.node().clone(), self.life.written().cloned());
        tokio::spawn(async move {
            let shown = work::show(&agent, question, node, written).await;
            reply(answer, shown.map(Answer::Plan));
        });
    }

    fn start(&mut self, request: Box<Request>, wait: bool, answer: Reply) {
        if self.synchronous.is_some() {
            self.line.push((request, wait, answer));
            return;
        }
        let id = uuid::Uuid::new_v4().to_string();
        let name = request.short_name();
        let now = self.agent.clock.since_boot();
        match self
            .life
            .command(now, id.clone(), name, api::command(*request))
        {
            Err(Rejection::Busy(name)) => reply(answer, Err(ApiError::Busy(name))),
            Ok(effects) => {
                if self.life.record(&id).is_none() {
                    self.synchronous = Some(id.clone());
                }
                self.answer_with(&id, wait, answer);
                self.carry_out(effects);
            }
        }
    }

    /// Answers now, or when the command ends if the asker waits for it or the
    /// command is a synchronous one at work.
    fn answer_with(&mut self, id: &str, wait: bool, answer: Reply) {
        match self.life.record(id) {
            Some(record) if !(wait && record.state == CommandState::Running) => {
                reply(answer, Ok(Answer::One(Box::new(api::wire_result(record)))));
            }
            _ => self.waiting.entry(id.to_owned()).or_default().push(answer),
        }
    }

    fn tell_waiting(&mut self, id: &str) {
        let result: Option<CommandResult> = self.life.record(id).map(api::wire_result);
        for answer in self.waiting.remove(id).unwrap_or_default() {
            let answered = result.clone().map(|result| Answer::One(Box::new(result)));
            reply(
                answer,
                answered
                    .ok_or_else(|| ApiError::Internal("the command is not in the list".to_owned())),
            );
        }
    }
}

fn reply(answer: Reply, with: Result<Answer, ApiError>) {
    // The asker may have hung up; the command goes on all the same.
    let _ = answer.send(with);
}

/// Compares tokens in time that depends on their lengths only.
fn matches(ours: &Secret, given: &str) -> bool {
    ironseed_ironic::secret::Token::new(ours.expose()).matches(given)
}

/// A life that goes on where the process before stopped, or a new one.
pub(crate) fn restore(
    agent: &Agent,
    settings: ironseed_core::lifecycle::LifecycleSettings,
) -> Lifecycle {
    let saved =
        agent
            .state
            .read(STATE_FILE)
            .and_then(|bytes| match serde_json::from_slice(&bytes) {
                Ok(saved) => Some(saved),
                Err(error) => {
                    agent.events.warn(format!(
                        "the state of the agent before this one is damaged: {error}"
                    ));
                    None
                }
            });
    if saved.is_some() {
        agent.events.emit(&Event::Warning(
            "the agent was started again in this boot; it goes on with its token and command list"
                .to_owned(),
        ));
    }
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    Lifecycle::new(settings, saved, seed)
}
