//! The promises about what changes with a commit besides its events: identities, keys, merges.

use super::{Fixture, stored};
use crate::ids::{ClientId, Position};
use crate::log::{AppendError, Commit, IndexChange};
use crate::testing::samples::{commit, event, stream};

/// Promise 12.
pub async fn promise_12_the_look_up_tables_change_with_the_commit_or_not_at_all(mut f: impl Fixture) {
    use IndexChange::{AssignKey, Claim, ClaimIfFree, Release};
    let (ann, bob) = (ClientId(1), ClientId(2));
    let phone = [1; 32];
    let mail = [2; 32];
    let with = |id, index| Commit { index, ..commit(vec![event(id, stream(1))]) };
    let log = f.log();
    let claims = vec![
        Claim { identity: phone, client: ann },
        Claim { identity: phone, client: ann },
        AssignKey { subject: [1; 17], key: u64::MAX },
        AssignKey { subject: [1; 17], key: u64::MAX },
    ];
    stored(&*log, with(1, claims.clone())).await;
    let error =
        log.append(with(2, vec![Claim { identity: mail, client: bob }, Claim { identity: phone, client: bob }]));
    assert!(matches!(error.await, Err(AppendError::IdentityTaken { owner }) if owner == ann));
    assert_eq!(log.identity_owner(&mail).await.expect("owner"), None, "not half of it");
    let error = log.append(with(2, vec![AssignKey { subject: [1; 17], key: 5 }])).await;
    assert!(matches!(error, Err(AppendError::KeyTaken { key: u64::MAX })));
    let within = vec![
        ClaimIfFree { identity: phone, client: bob },
        ClaimIfFree { identity: mail, client: bob },
        Release { identity: phone, client: bob },
        Release { identity: mail, client: bob },
        Claim { identity: mail, client: ann },
    ];
    stored(&*log, with(3, within)).await;
    stored(&*log, with(4, vec![Release { identity: phone, client: ann }])).await;
    assert!(stored(&*log, with(1, claims)).await[0].existed, "a repetition does not claim again");
    drop(log);
    f.reopen();
    let log = f.log();
    assert_eq!(log.identity_owner(&phone).await.expect("owner"), None);
    assert_eq!(log.identity_owner(&mail).await.expect("owner"), Some(ann));
    assert_eq!(log.subject_key(&[1; 17]).await.expect("key"), Some(u64::MAX));
    assert_eq!(log.subject_key(&[2; 17]).await.expect("key"), None);
    assert_eq!(log.head().await.expect("head"), Position(3));
}

/// Promise 12, for merges.
pub async fn promise_12_a_merge_that_does_not_fit_is_refused(mut f: impl Fixture) {
    let merge = |absorbed, into| IndexChange::Merge { absorbed: ClientId(absorbed), into: ClientId(into) };
    let unmerge = |absorbed, from| IndexChange::Unmerge { absorbed: ClientId(absorbed), from: ClientId(from) };
    let with = |id, index| Commit { index, ..commit(vec![event(id, stream(1))]) };
    let log = f.log();
    stored(&*log, with(1, vec![merge(3, 2), merge(2, 1), merge(9, 1)])).await;
    let wrong = [merge(1, 1), merge(1, 3), merge(2, 5), merge(3, 2), unmerge(3, 1), unmerge(1, 2)];
    for (i, change) in wrong.into_iter().enumerate() {
        let answer = log.append(with(100 + i as u128, vec![merge(7, 1), change.clone()])).await;
        assert!(matches!(answer, Err(AppendError::Alias { .. })), "{change:?}: {answer:?}");
    }
    let group = |ids: [u128; 4]| ids.map(ClientId).to_vec();
    assert_eq!(crate::log::alias_group(&*log, ClientId(3)).await.expect("group"), group([1, 2, 3, 9]));
    stored(&*log, with(2, vec![unmerge(2, 1), merge(1, 2)])).await;
    drop(log);
    f.reopen();
    let log = f.log();
    assert_eq!(crate::log::alias_group(&*log, ClientId(9)).await.expect("group"), group([2, 1, 3, 9]));
    assert_eq!(log.merged_into(ClientId(1)).await.expect("parent"), Some(ClientId(2)));
    assert_eq!(log.merged_into(ClientId(2)).await.expect("parent"), None);
    assert_eq!(log.absorbed_by(ClientId(2)).await.expect("members"), [ClientId(1), ClientId(3)]);
}
