// SPDX-License-Identifier: Apache-2.0
//! The network in this program.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`sources`] | what each source says of the network |
//! | [`describe`] | which description of the network counts |
//! | [`follow`] | beside the agent: what is known is written down, VLANs that are heard join |
//! | [`command`] | `ironseed-agent network`: how the machine is on the network, and what is missing |

mod command;
mod describe;
mod follow;
mod sources;

pub(crate) use command::{NetworkArguments, show};
pub(crate) use describe::{describe, time_server};
pub(crate) use follow::follow;
pub(crate) use sources::{all, bgp, first};
