use kit::{KeyHash, Timestamp};
use store::audit::Actor;
use store::invitations::Invitation;

use crate::support::{TestDb, actor, backends};

fn invitation(link: &str, user: &str) -> Invitation {
    Invitation {
        id: KeyHash::of(link),
        user_id: user.into(),
        accepted_at: None,
        expires_at: Timestamp::from_secs(100),
        created_at: Timestamp::from_secs(1),
        created_by: "admin".into(),
        updated_at: Timestamp::from_secs(1),
        updated_by: "admin".into(),
    }
}

backends! {
    /// Of many who claim at once one sets the password.
    async fn an_invitation_is_claimed_once(db: TestDb) {
        db.execute("INSERT INTO users (id, role, models, metadata, spend_base_nano, created_at, updated_at, extra)
                      VALUES ('ada', 'internal_user', '[]', '{}', 0, 1, 1, '{}')").await;
        let (link, token) = (KeyHash::of("link"), KeyHash::of("token"));
        db.store.invitations().create(&invitation("link", "ada"), &actor(1)).await.unwrap();
        assert!(db.store.invitations().open(link, token, Timestamp::from_secs(50), Timestamp::from_secs(2)).await.unwrap());
        let ada = Actor { id: "ada".into(), ..actor(3) };
        let claims = (0..4).map(|number| {
            let (store, ada) = (db.store.clone(), ada.clone());
            tokio::spawn(async move { store.invitations().claim(link, token, &format!("hash {number}"), &ada).await.unwrap() })
        });
        let mut won = Vec::new();
        for (number, claim) in claims.collect::<Vec<_>>().into_iter().enumerate() {
            if claim.await.unwrap() {
                won.push(format!("hash {number}"));
            }
        }
        assert_eq!(db.texts("SELECT password_hash FROM users").await, won);
        assert_eq!(won.len(), 1);
        assert!(db.texts("SELECT id_hash FROM invitations").await == [link.to_hex()], "the link itself is not kept");
        let error = db.store.invitations().create(&invitation("other", "nobody"), &actor(1)).await.unwrap_err();
        assert!(matches!(error, store::StoreError::InUse), "{error}");
    }
}
