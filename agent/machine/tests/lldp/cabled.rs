// SPDX-License-Identifier: Apache-2.0
//! A machine that counts as cabled when enough neighbours have spoken.

use std::cell::RefCell;
use std::time::Duration;

use ironseed_core::event::Wait;
use tokio::sync::Notify;

use crate::neighbours::Neighbours;
use crate::wires::PATIENCE;
use crate::{hears, start, until};

/// What each port has heard, as the wait says it.
fn words(told: &[Option<Wait>]) -> Vec<String> {
    let words = |wait: &Option<Wait>| wait.as_ref().map_or("over".to_owned(), Wait::to_string);
    told.iter().map(words).collect()
}

#[test]
fn the_second_neighbour_ends_the_wait() {
    Neighbours::run(async |lab: &mut Neighbours| {
        lab.cable(0);
        lab.cable(1);
        lab.ip(&["link", "set", "c0", "up"]);
        lab.plug(0);
        lab.neighbour(0, "leaf-1", "the first");
        let listener = start(lab);
        lab.speak(0);
        until(&listener, "c0", hears).await;
        let silent = ", nothing heard on c1";
        let (told, news) = (RefCell::new(Vec::new()), Notify::new());
        tokio::join!(
            biased;
            listener.wait(10 * PATIENCE, 2, |wait| {
                told.borrow_mut().push(wait);
                news.notify_one();
            }),
            async {
                lab.ip(&["link", "set", "c1", "up"]);
                lab.plug(1);
                while !words(&told.borrow()).iter().any(|one| one.ends_with(silent)) {
                    news.notified().await;
                }
                lab.neighbour(1, "leaf-2", "the second");
            },
        );
        let told = told.into_inner();
        let (first, last) = (told.first().unwrap(), told.last().unwrap());
        assert_eq!(*last, None, "{:?}", words(&told));
        let Some(Wait::NeighboursMissing { wanted: 2, .. }) = first else {
            panic!("{:?}", words(&told));
        };
        let words = words(&told);
        let start = "1 of 2 LLDP neighbours heard: c0 leads to leaf-1 ";
        assert!(words[0].starts_with(start), "{words:?}");
        assert!(words[0].ends_with(", no link on c1"), "{words:?}");
        assert!(words.iter().any(|one| one.ends_with(silent)), "{words:?}");
    });
}

/// The inspection goes on when the allowance is over, and knows what is missing.
#[test]
fn a_missing_neighbour_is_not_waited_for_for_ever() {
    Neighbours::run(async |lab: &mut Neighbours| {
        lab.cable(0);
        let listener = start(lab);
        until(&listener, "c0", |port| port.is_some()).await;
        let mut told = Vec::new();
        let allowance = Duration::from_millis(200);
        listener.wait(allowance, 1, |wait| told.push(wait)).await;
        let expected = ["0 of 1 LLDP neighbours heard: no link on c0", "over"];
        assert_eq!(words(&told), expected);
    });
}
