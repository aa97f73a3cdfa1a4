"""Routes of accounts. Spec: docs/spec/rest.md, section "Accounts"."""

from django.urls import path

from accounts.views import account, contacts, identity, logins, mailbox

urlpatterns = [
    path("register/", logins.RegisterView.as_view(), name="register"),
    path("challenges/", logins.ChallengesView.as_view(), name="challenges"),
    path("login/", logins.LoginView.as_view(), name="login"),
    path("known/", logins.KnownView.as_view(), name="known"),
    path("refresh/", logins.RefreshView.as_view(), name="refresh"),
    path("logout/", logins.LogoutView.as_view(), name="logout"),
    path("me/", account.MeView.as_view(), name="me"),
    path("settings/", account.SettingsView.as_view(), name="settings"),
    path("password/", identity.PasswordView.as_view(), name="password"),
    path("statements/", identity.StatementsView.as_view(), name="statements"),
    path("recovery/", identity.RecoveryView.as_view(), name="recovery"),
    path("recover/", identity.RecoverView.as_view(), name="recover"),
    path("users/", contacts.UsersView.as_view(), name="users"),
    path("bundles/", contacts.BundlesView.as_view(), name="bundles"),
    path("prekeys/", contacts.PrekeysView.as_view(), name="prekeys"),
    path("tokens/", contacts.TokensView.as_view(), name="tokens"),
    path("mailbox/", mailbox.MailboxView.as_view(), name="mailbox"),
]
