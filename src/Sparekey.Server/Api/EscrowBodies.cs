using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>A public key, and the fingerprint that it is said to have.</summary>
internal sealed record EscrowKeyBody([property: FreeText] string ArmoredKey, string? Fingerprint = null)
{
    public GivenKey Read() => new(ArmoredKey, Fingerprint);
}

/// <summary>A message with the secret of a private key.</summary>
internal sealed record EscrowPasswordBody(string? PrivateKeyId = null, string? RecipientFingerprint = null, [property: FreeText] string? Data = null)
{
    public GivenPassword Read() => new(PrivateKeyId, RecipientFingerprint, Data);
}

/// <summary>What the policy of escrow shall be.</summary>
internal sealed record EscrowPolicyBody(
    EscrowMode Mode, string? KeyId = null, EscrowKeyBody? NewKey = null, EscrowKeyBody? RevokedKey = null,
    IReadOnlyList<EscrowPasswordBody>? Passwords = null)
{
    public EscrowPolicyChange Read() => new(Mode)
    {
        KeyId = KeyId,
        NewKey = NewKey?.Read(),
        RevokedKey = RevokedKey?.Read(),
        Passwords = Passwords is null ? null : [.. Passwords.Select(p => p.Read())],
    };
}

/// <summary>How escrow is disabled.</summary>
internal sealed record EscrowDisableBody(EscrowKeyBody? RevokedKey = null);

/// <summary>Which disabling is undone.</summary>
internal sealed record EscrowUndoBody(EscrowPolicyId? PolicyId = null);

/// <summary>Both halves of an escrow.</summary>
internal sealed record EscrowBody([property: FreeText] string? Blob = null, IReadOnlyList<EscrowPasswordBody>? Passwords = null)
{
    public NewEscrow Read() => new(Blob, Passwords is null ? null : [.. Passwords.Select(p => p.Read())]);
}

/// <summary>The key that a rotation leads to.</summary>
internal sealed record RotationBody(EscrowKeyBody NewKey);

/// <summary>A message to the next key.</summary>
internal sealed record RotationMessageBody([property: FreeText] string Data);

/// <summary>The end of a rotation.</summary>
internal sealed record RotationFinishBody(EscrowKeyBody RevokedKey, EscrowMode? Mode = null);

/// <summary>What a test escrow held.</summary>
internal sealed record DrillAnswerBody(string Proof);

/// <summary>An organisation key.</summary>
internal sealed record EscrowKeyView(
    EscrowKeyId Id, string Fingerprint, EscrowKeyState State, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset ModifiedAt, string ModifiedBy,
    string ArmoredKey, string? RevokedKey)
{
    public static EscrowKeyView Of(EscrowKey key) => new(
        key.Id, key.Fingerprint, key.State, key.CreatedAt, key.CreatedBy.Id, key.ModifiedAt, key.ModifiedBy, key.Armored, key.RevokedArmored);
}

/// <summary>A policy of escrow.</summary>
internal sealed record EscrowPolicyView(
    EscrowMode Mode, EscrowPolicyId? Id, EscrowKeyView? Key, DateTimeOffset? CreatedAt, string? CreatedBy, DateTimeOffset? UndoUntil)
{
    public static EscrowPolicyView Of(EscrowPolicy policy) => new(
        policy.Mode, policy.Id, policy.Key is { } key ? EscrowKeyView.Of(key) : null, policy.Id is null ? null : policy.CreatedAt,
        policy.Id is null ? null : policy.CreatedBy.Id, policy.UndoUntil);
}

/// <summary>What somebody said about escrow.</summary>
internal sealed record EnrolmentView(
    EnrolmentId Id, AccountId AccountId, EnrolmentStatus Status, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt, PrivateKeyId? PrivateKeyId,
    string? Fingerprint, string? CurrentFingerprint, bool Stale)
{
    public static EnrolmentView Of(Enrolment e) =>
        new(e.Id, e.Account, e.Status, e.CreatedAt, e.ModifiedAt, e.PrivateKey, e.Fingerprint, e.CurrentFingerprint, e.IsStale);
}

/// <summary>A rotation.</summary>
internal sealed record RotationView(
    RotationId Id, RotationState State, EscrowKeyView From, EscrowKeyView To, long Total, long Staged, DateTimeOffset StartedAt, string StartedBy,
    DateTimeOffset? EndedAt)
{
    public static RotationView Of(Rotation r) => new(
        r.Id, r.State, EscrowKeyView.Of(r.From), EscrowKeyView.Of(r.To), r.Total, r.Staged, r.StartedAt, r.StartedBy.Id, r.EndedAt);
}

/// <summary>A drill.</summary>
internal sealed record DrillView(
    DrillId Id, EscrowKeyId KeyId, DrillState State, DateTimeOffset StartedAt, string StartedBy, DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt,
    string? EndedBy)
{
    public static DrillView Of(Drill d) => new(d.Id, d.Key, d.State, d.StartedAt, d.StartedBy, d.ExpiresAt, d.EndedAt, d.EndedBy);
}

/// <summary>A person's OpenPGP key.</summary>
internal sealed record PersonKeyView(
    PersonKeyId Id, AccountId AccountId, string Fingerprint, string ArmoredKey, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt)
{
    public static PersonKeyView Of(PersonKey k) => new(k.Id, k.Account, k.Fingerprint, k.Armored, k.CreatedAt, k.ModifiedAt);
}
