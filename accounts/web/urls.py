"""Pages of signing in and of one's account."""

from django.urls import path

from accounts.web import account, google, views

urlpatterns = [
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-in/google", google.leave, name="google-leave"),
    path("sign-in/google/back", google.back, name="google-back"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("password/forgotten", views.password_forgotten, name="password-forgotten"),
    path("account", account.profile, name="account"),
    path("account/password", account.password, name="account-password"),
    path("account/password/reset", views.password_new, name="password-reset"),
    path("account/email", account.mail, name="account-mail"),
    path("account/email/prove", account.mail_proof, name="mail-proof"),
    path("account/delete", account.delete, name="account-delete"),
    path("account/keys", account.keys, name="account-keys"),
    path("account/keys/<int:key_id>/revoke", account.key_revoke, name="account-key-revoke"),
    path("account/sessions", account.sessions, name="account-sessions"),
    path("account/sessions/<uuid:session_id>/end", account.session_end, name="account-session-end"),
    path("account/webhooks", account.webhooks, name="account-webhooks"),
    path("account/webhooks/<uuid:delivery_id>/replay", account.webhook_replay, name="account-webhook-replay"),
]
