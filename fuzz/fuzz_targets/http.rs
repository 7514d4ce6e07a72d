//! Raw bytes at the intake: each request is answered or its connection closed, and only what was sent is queued.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::upload::Upload;
use pyroscope_lambda_extension_fuzz::intake::{End, Exchange, exchange};
use pyroscope_lambda_extension_fuzz::{choice, is_subsequence, is_within};

/// All that the intake has to say.
const STATUSES: [u16; 8] = [100, 200, 400, 404, 405, 408, 413, 431];

fuzz_target!(|input: &[u8]| {
    let Some((choice, sent)) = choice(input) else { return };
    let end = if choice.is_multiple_of(2) { End::Close } else { End::Wait };
    let whole = exchange([sent], end);
    check(&whole, sent);
    let size = sent.len().div_ceil(1 + usize::from(choice) * 3).max(1);
    let pieces = exchange(sent.chunks(size), end);
    check(&pieces, sent);
    same_in_pieces(&whole, &pieces);
});

fn check(exchange: &Exchange, sent: &[u8]) {
    let statuses: Vec<u16> = exchange.answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| STATUSES.contains(status)), "{statuses:?}");
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(taken, exchange.uploads.len(), "200 is said of what is queued, and of nothing else");
    let in_chunks = is_within(b"chunked", &sent.to_ascii_lowercase());
    for upload in &exchange.uploads {
        if in_chunks {
            assert!(is_subsequence(&upload.body, sent));
        } else {
            assert!(is_within(&upload.body, sent));
        }
        assert!(is_within(upload.query.as_deref().unwrap_or_default().as_bytes(), sent));
        for value in upload.headers.values() {
            assert!(is_within(value.as_bytes(), sent));
        }
    }
}

/// In how many pieces it comes makes no difference, but for what hyper does before it closes a connection.
///
/// It looks at a head that came in part again only when all of it is there, and says no 400, but 408 in the end, where that
/// never comes. The body of a refused request it reads to its end only if that is there already, and else closes the connection.
fn same_in_pieces(whole: &Exchange, pieces: &Exchange) {
    let statuses = |exchange: &Exchange| {
        let mut statuses = exchange.statuses();
        statuses.pop_if(|status| matches!(*status, 400 | 408));
        statuses
    };
    let (whole_statuses, statuses) = (statuses(whole), statuses(pieces));
    let both = whole_statuses.iter().zip(&statuses).take_while(|(one, other)| one == other).count();
    assert_eq!(both, whole_statuses.len().min(statuses.len()), "{whole_statuses:?} {statuses:?}");
    let closed = both > 0 && statuses[both - 1] != 200;
    assert!(closed || whole_statuses.len() == statuses.len(), "{whole_statuses:?} {statuses:?}");
    assert!(kept(whole).iter().zip(kept(pieces)).all(|(one, other)| *one == other));
}

fn kept(exchange: &Exchange) -> Vec<impl PartialEq + std::fmt::Debug> {
    let parts = |upload: &Upload| {
        (upload.endpoint, upload.query.clone(), upload.headers.clone(), upload.body.clone())
    };
    exchange.uploads.iter().map(parts).collect()
}
