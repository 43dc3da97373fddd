use kit::{KeyHash, Timestamp};
use store::sessions::Session;

use crate::support::{TestDb, backends};

fn session(token: &str, expires_secs: i64) -> Session {
    Session {
        token: KeyHash::of(token),
        user_id: "admin".into(),
        role: "proxy_admin".into(),
        created_at: Timestamp::from_secs(100),
        expires_at: Timestamp::from_secs(expires_secs),
    }
}

backends! {
    async fn a_session_lives_until_it_ends_or_is_revoked(db: TestDb) {
        let session = session("t", 200);
        db.store.sessions().create(&session).await.unwrap();
        let sessions = db.store.sessions();
        let alive = sessions.get(session.token, Timestamp::from_secs(199)).await.unwrap();
        assert_eq!(alive.as_ref(), Some(&session));
        assert_eq!(sessions.get(session.token, Timestamp::from_secs(200)).await.unwrap(), None);
        sessions.revoke(session.token).await.unwrap();
        sessions.revoke(session.token).await.unwrap();
        assert_eq!(sessions.get(session.token, Timestamp::from_secs(150)).await.unwrap(), None);
    }
}
