//! Before there are users only the local socket administers a host.

use crate::support::{Caller, World, everywhere};
use dowel_core::access::Role;

#[tokio::test]
async fn the_network_is_told_what_to_do() {
    let world = World::new().await;
    for caller in [Caller::Nobody, Caller::Loopback] {
        let answer = world.get(&caller, "/api/v1/runs").await;
        assert_eq!(answer.short(), "401 DWL-5061");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        let help = answer.json()["help"].to_string();
        assert!(help.contains("dowel admin invite"), "{help}");
    }
    world
        .person("ana@example.com", &[everywhere(Role::Admin)])
        .await;
    let answer = world.get(&Caller::Nobody, "/api/v1/runs").await;
    assert_eq!(answer.short(), "401 DWL-5060", "there is a user now");
}

#[tokio::test]
async fn the_socket_is_for_the_user_of_the_host() {
    let world = World::new().await;
    let me = world.get(&Caller::Socket, "/api/v1/me").await.json();
    assert!(me["id"].as_str().unwrap().starts_with("local:"), "{me}");
    assert_eq!(me["roles"][0], "admin");
    let answer = world.get(&Caller::OtherUser, "/api/v1/me").await;
    assert_eq!(answer.short(), "403 DWL-5072");
}

#[tokio::test]
async fn the_socket_speaks_for_others_only_until_there_are_users() {
    let world = World::new().await;
    let ben = Caller::SocketAs("ben@example.com");
    let me = world.get(&ben, "/api/v1/me").await.json();
    assert_eq!(me["id"], "ben@example.com");
    world
        .person("ana@example.com", &[everywhere(Role::Admin)])
        .await;
    assert_eq!(world.get(&ben, "/api/v1/me").await.short(), "403 DWL-5073");
    let me = world.get(&Caller::Socket, "/api/v1/me").await.json();
    assert_eq!(me["roles"][0], "admin", "who is locked out comes in here");
}

#[tokio::test]
async fn the_first_link_comes_from_the_socket() {
    let world = World::new().await;
    let body = r#"{"user":"Ana@Example.com","grants":[{"role":"admin"}]}"#;
    let refused = world
        .post(&Caller::Loopback, "/api/v1/invitations", body)
        .await;
    assert_eq!(refused.short(), "401 DWL-5061");
    let invited = world
        .post(&Caller::Socket, "/api/v1/invitations", body)
        .await
        .json();
    assert_eq!(invited["user"]["id"], "ana@example.com");
    let path = invited["path"].as_str().unwrap();
    let page = world.get(&Caller::Nobody, path).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("ana@example.com"), "{}", page.text);
    let link = path.split_once("link=").unwrap().1;
    let entered = world
        .form(&Caller::Nobody, "/login", &format!("link={link}"))
        .await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"));
    let ana = Caller::Browser(entered.cookie(), String::new());
    let me = world.get(&ana, "/api/v1/me").await.json();
    assert_eq!(me["id"], "ana@example.com", "{me}");
    let again = world
        .form(&Caller::Nobody, "/login", &format!("link={link}"))
        .await;
    assert_eq!(again.status, 401);
    assert!(again.text.contains("DWL-5068"), "{}", again.text);
    let again = world.get(&Caller::Nobody, path).await;
    assert_eq!(again.status, 401, "used up");
}
