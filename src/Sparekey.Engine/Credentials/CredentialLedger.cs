using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials;

/// <summary>What the ledger says of credentials. What a person calls one is a text.</summary>
internal static class CredentialLedger
{
    /// <summary>A passkey was bound.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="credential">What everybody may know of it.</param>
    /// <param name="passkey">What it is.</param>
    public static LedgerEntry Added(Visitor visitor, Credential credential, Passkey passkey) =>
        Entry(LedgerEvent.CredentialAdded, visitor, Principal.Of(credential.Account), credential, [
            ("attestation", WireName.Of(passkey.Attestation)), ("backup_eligible", passkey.BackupEligible),
            ("aaguid", passkey.Aaguid.ToString())]);

    /// <summary>A key was bound.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="credential">What everybody may know of it.</param>
    public static LedgerEntry Added(Visitor visitor, Credential credential) =>
        Entry(LedgerEvent.CredentialAdded, visitor, Principal.Of(credential.Account), credential, []);

    /// <summary>A credential rests, or works again.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="actor">Who did it.</param>
    /// <param name="credential">The credential afterwards.</param>
    public static LedgerEntry StateChanged(Visitor visitor, Principal actor, Credential credential) =>
        Entry(LedgerEvent.CredentialStateChanged, visitor, actor, credential, [("state", WireName.Of(credential.State))]);

    /// <summary>A credential is called something else.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="actor">Who renamed it.</param>
    /// <param name="credential">The credential with its new name.</param>
    public static LedgerEntry Renamed(Visitor visitor, Principal actor, Credential credential) =>
        Entry(LedgerEvent.CredentialRenamed, visitor, actor, credential, []);

    /// <summary>A credential was unbound.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="actor">Who removed it.</param>
    /// <param name="credential">The credential as it was.</param>
    /// <param name="sessionsEnded">How many sessions ended with it.</param>
    public static LedgerEntry Revoked(Visitor visitor, Principal actor, Credential credential, int sessionsEnded) =>
        Entry(LedgerEvent.CredentialRevoked, visitor, actor, credential, [
            ("was_provisional", credential.ProvisionalUntil is not null), ("sessions_ended", sessionsEnded)]) with
        {
            Texts = SessionLedger.Source(visitor),
        };

    private static LedgerEntry Entry(
        LedgerEvent happened, Visitor visitor, Principal actor, Credential credential, ReadOnlySpan<(string Name, object? Value)> facts)
    {
        var texts = SessionLedger.Source(visitor);
        if (credential.Name is { } name)
        {
            texts["name"] = name;
        }

        return new LedgerEntry(happened, actor, credential.Account, credential.Recovery is { } recovery && happened == LedgerEvent.CredentialAdded ? recovery : null)
        {
            Facts = SessionLedger.Facts(
                visitor, [("credential", credential.Id.ToString()), ("kind", WireName.Of(credential.Kind)), .. facts]),
            Texts = texts,
        };
    }
}
