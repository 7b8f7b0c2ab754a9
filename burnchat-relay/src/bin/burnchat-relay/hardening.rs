//! What the program takes away from itself before the first connection, so that it cannot keep what it is told.
//!
//! All of it must happen before there is a second thread: Landlock holds for the thread that asks for it, and for those
//! started from then on.

use std::fmt;

use zeroizing_alloc::ZeroAlloc;

use crate::options::Options;

/// What is freed is wiped first, whoever allocated it: there are no leftovers to find.
#[global_allocator]
static WIPING: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// What came of it.
pub(crate) struct Hardening(Vec<Measure>);

/// One thing that was to be given up.
pub(crate) struct Measure {
    /// What holds if it is in force.
    claim: &'static str,
    state: State,
}

enum State {
    /// It holds; with how, where there is something to say.
    InForce(String),
    /// It does not, and nobody wanted it.
    NotAsked(&'static str),
    /// It does not, and why.
    Missing(String),
}

impl Hardening {
    /// Gives up whatever can be given up.
    pub(crate) fn apply(options: &Options) -> Self {
        let mut measures = vec![
            Measure::of(
                "no file can be written or made",
                system::deny_writing(options),
            ),
            Measure::of("no core is dumped", system::dump_no_core()),
            Measure::of(
                "no other process of this user can look inside",
                system::refuse_tracing(),
            ),
        ];
        let claim = "no memory is swapped out";
        measures.push(if options.hardening.mlock {
            Measure::of(claim, system::lock_memory())
        } else {
            Measure {
                claim,
                state: State::NotAsked("--mlock"),
            }
        });
        measures.push(Measure::of(
            "freed memory is wiped",
            Ok("by the allocator".to_owned()),
        ));
        Self(measures)
    }

    /// Whether all of it is in force that was asked for.
    pub(crate) fn is_whole(&self) -> bool {
        self.missing().next().is_none()
    }

    /// What could not be had.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &Measure> {
        let measures = self.0.iter();
        measures.filter(|measure| matches!(measure.state, State::Missing(_)))
    }
}

/// One line for each measure.
impl fmt::Display for Hardening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|measure| writeln!(f, "{measure}"))
    }
}

impl Measure {
    fn of(claim: &'static str, outcome: Result<String, String>) -> Self {
        let state = match outcome {
            Ok(how) => State::InForce(how),
            Err(why) => State::Missing(why),
        };
        Self { claim, state }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = self.claim;
        match &self.state {
            State::InForce(how) => write!(f, "yes  {claim}: {how}"),
            State::NotAsked(option) => write!(f, "-    {claim}: not asked for ({option})"),
            State::Missing(why) => write!(f, "NO   {claim}: {why}"),
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::OpenOptions;

    use landlock::{
        ABI, AccessFs, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    };
    use rustix::fs::Mode;
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{
        DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior,
        setrlimit, umask,
    };

    use crate::options::Options;

    /// The first version in which nothing is left by which a file's contents can be changed.
    const NEEDED: ABI = ABI::V3;

    pub(super) fn deny_writing(options: &Options) -> Result<String, String> {
        // What the authority's account is kept by is nobody else's to read.
        umask(Mode::RWXG | Mode::RWXO);
        let cache = match &options.tls.acme_cache {
            Some(folder) => {
                let opened = PathFd::new(folder);
                Some(opened.map_err(|error| format!("{}: {error}", folder.display()))?)
            }
            None => None,
        };
        let but_for_the_cache = if cache.is_some() {
            ", but for the ACME cache"
        } else {
            ""
        };
        let status = restrict(cache).map_err(|error| error.to_string())?;
        let version = match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => effective_abi as i32,
            LandlockStatus::NotEnabled => {
                return Err("Landlock is not enabled in this kernel".to_owned());
            }
            LandlockStatus::NotImplemented => return Err("this kernel has no Landlock".to_owned()),
        };
        if status.ruleset != RulesetStatus::FullyEnforced {
            return Err(format!(
                "this kernel's Landlock (ABI {version}) is too old: Linux 6.2 is needed"
            ));
        }
        // Seeing is believing.
        let name = format!("burnchat-relay-check-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        if OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .is_ok()
        {
            let _ = std::fs::remove_file(&path);
            return Err("Landlock is in force, and yet a file could be made".to_owned());
        }
        Ok(format!("Landlock, ABI {version}{but_for_the_cache}"))
    }

    fn restrict(cache: Option<PathFd>) -> Result<landlock::RestrictionStatus, RulesetError> {
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_write(NEEDED))?
            .create()?;
        if let Some(folder) = cache {
            rules = rules.add_rule(PathBeneath::new(folder, AccessFs::from_write(NEEDED)))?;
        }
        rules.restrict_self()
    }

    pub(super) fn dump_no_core() -> Result<String, String> {
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::Core, none).map_err(|error| error.to_string())?;
        if getrlimit(Resource::Core) == none {
            Ok("RLIMIT_CORE is 0, for good".to_owned())
        } else {
            Err("RLIMIT_CORE is not what it was set to".to_owned())
        }
    }

    pub(super) fn refuse_tracing() -> Result<String, String> {
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| error.to_string())?;
        match dumpable_behavior() {
            Ok(DumpableBehavior::NotDumpable) => Ok("PR_SET_DUMPABLE is 0".to_owned()),
            _ => Err("PR_SET_DUMPABLE is not what it was set to".to_owned()),
        }
    }

    pub(super) fn lock_memory() -> Result<String, String> {
        // On fault: what is reserved and never touched need not fit in memory.
        let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        match mlockall(all) {
            Ok(()) => Ok("mlockall".to_owned()),
            Err(error) => Err(format!(
                "mlockall: {error} (raise `ulimit -l`, LimitMEMLOCK= in systemd)"
            )),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use crate::options::Options;

    const LINUX_ONLY: &str = "on Linux only";

    pub(super) fn deny_writing(_: &Options) -> Result<String, String> {
        Err(LINUX_ONLY.to_owned())
    }

    pub(super) fn dump_no_core() -> Result<String, String> {
        Err(LINUX_ONLY.to_owned())
    }

    pub(super) fn refuse_tracing() -> Result<String, String> {
        Err(LINUX_ONLY.to_owned())
    }

    pub(super) fn lock_memory() -> Result<String, String> {
        Err(LINUX_ONLY.to_owned())
    }
}
