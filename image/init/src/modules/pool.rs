// SPDX-License-Identifier: Apache-2.0
//! Several modules at once: a queue of wanted modules and the threads that load them.
//!
//! Each thread works through the plan of one wanted module. A module is loaded by one thread only;
//! another that needs it waits. Nobody waits while it is itself loading, so there is no ring of
//! waiting threads. The pool wakes its owner through an eventfd when it has run dry.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::depend::Load;
use super::index::Index;
use super::load::{LoadError, Loaded, load};
use crate::say::say_error;

/// Four are enough: with more, two processors gain nothing and one loses (measured in emulation).
const THREADS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Loading,
    There,
    Missing,
}

#[derive(Debug, Default)]
struct State {
    asked: HashSet<String>,
    queue: VecDeque<String>,
    progress: HashMap<String, Progress>,
    busy: usize,
    new: usize,
}

#[derive(Debug)]
struct Shared {
    index: Index,
    state: Mutex<State>,
    changed: Condvar,
    dry: EventFd,
}

/// The threads that load modules.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// The eventfd or a thread cannot be made.
    pub fn start(index: Index) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            index,
            state: Mutex::default(),
            changed: Condvar::new(),
            dry: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
        });
        for number in 0..THREADS {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(format!("load-{number}"))
                .spawn(move || shared.work())?;
        }
        Ok(Self { shared })
    }

    /// The image's modules.
    pub fn index(&self) -> &Index {
        &self.shared.index
    }

    /// Queues a module unless it was asked for before; whether it was new.
    pub fn ask(&self, module: &str) -> bool {
        let mut state = self.shared.lock();
        if !state.asked.insert(module.to_owned()) {
            return false;
        }
        state.queue.push_back(module.to_owned());
        self.shared.changed.notify_all();
        true
    }

    /// Readable when the queue has run dry since the last [`Self::is_idle`].
    pub fn dry(&self) -> &EventFd {
        &self.shared.dry
    }

    /// Whether nothing is queued or under way.
    pub fn is_idle(&self) -> bool {
        // Read first: what becomes dry after this makes the eventfd readable again.
        let _ = self.shared.dry.read();
        let state = self.shared.lock();
        state.queue.is_empty() && state.busy == 0
    }

    /// How many modules were put into the kernel so far.
    pub fn new_modules(&self) -> usize {
        self.shared.lock().new
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(guard)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let module = self.next();
            for load in self.index.plan(&module) {
                self.load_once(load);
            }
            let mut state = self.lock();
            state.busy = state.busy.saturating_sub(1);
            if state.busy == 0 && state.queue.is_empty() {
                // The counter cannot overflow: its owner reads it each time it is woken.
                let _ = self.dry.write(1);
            }
        }
    }

    fn next(&self) -> String {
        let mut state = self.lock();
        loop {
            if let Some(module) = state.queue.pop_front() {
                state.busy += 1;
                return module;
            }
            state = self.wait(state);
        }
    }

    fn load_once(&self, wanted: Load<'_>) {
        let mut state = self.lock();
        loop {
            match state.progress.get(wanted.name) {
                None => break,
                Some(Progress::Loading) => state = self.wait(state),
                Some(Progress::There | Progress::Missing) => return,
            }
        }
        let missing = self
            .index
            .needs(wanted.name)
            .find(|need| state.progress.get(*need) == Some(&Progress::Missing))
            .map(str::to_owned);
        state
            .progress
            .insert(wanted.name.to_owned(), Progress::Loading);
        drop(state);
        let result = match missing {
            None => load(&self.index, wanted),
            Some(needs) => Err(LoadError::Needs {
                module: wanted.name.to_owned(),
                needs,
            }),
        };
        self.done(wanted.name, result);
    }

    fn done(&self, name: &str, result: Result<Loaded, LoadError>) {
        match &result {
            Ok(Loaded::New | Loaded::Before) => {
                if let Err(error) = crate::mounts::mount_of_module(name) {
                    say_error(&error);
                }
            }
            Ok(Loaded::NoDevice) => {}
            Err(error) => say_error(error),
        }
        let progress = match result {
            Ok(Loaded::New | Loaded::Before) => Progress::There,
            Ok(Loaded::NoDevice) | Err(_) => Progress::Missing,
        };
        let mut state = self.lock();
        state.new += usize::from(matches!(result, Ok(Loaded::New)));
        state.progress.insert(name.to_owned(), progress);
        self.changed.notify_all();
    }
}
