//! What a client says it lacks is neither passed nor failed.

use std::sync::Arc;

use burnchat_conformance::case::Verdict;
use burnchat_conformance::client::{self, Target};
use burnchat_conformance::run::{self, Options};

#[tokio::test]
async fn a_client_that_exits_with_89_has_not_implemented_what_was_asked_for() {
    let target = Target::new("python3 -c raise(SystemExit(89))");
    let options = Options {
        only: vec!["9.3".to_owned(), "link/4/made".to_owned()],
        ..Options::default()
    };
    let done = run::run(client::cases(), Arc::new(target), &options, &mut []).await;
    assert!(done.len() > 5);
    for case in done {
        assert!(
            matches!(case.verdict, Verdict::NotImplemented(_)),
            "{}: {:?}",
            case.name,
            case.verdict
        );
    }
}
