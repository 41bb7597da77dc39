using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Passbolt;

/// <summary>The organisation's policy on the other server.</summary>
/// <param name="KeyId">The id of its key.</param>
/// <param name="Key">The key.</param>
internal sealed record RemotePolicy(Guid KeyId, PgpKey Key)
{
    /// <summary>Where it is read.</summary>
    public const string Path = "/account-recovery/organization-policies.json";

    /// <summary>Reads it.</summary>
    /// <param name="answer">What the server answered.</param>
    /// <returns>The policy; null where it is disabled. <see cref="RefusalCode.OpenpgpRefused"/> where there is no making sense of it.</returns>
    public static Result<RemotePolicy?> Read(PassboltAnswer answer)
    {
        if (answer.Text("policy") is not { } policy)
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }

        if (policy == "disabled")
        {
            return (RemotePolicy?)null;
        }

        if (!Guid.TryParseExact(answer.Text("public_key_id"), "D", out var id)
            || answer.Text("account_recovery_organization_public_key", "armored_key") is not { } armored)
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }

        var key = RemoteKey.Read(armored);
        return key.Refusal is { } refusal ? refusal : new RemotePolicy(id, key.Value);
    }
}

/// <summary>A key that another server shows.</summary>
internal static class RemoteKey
{
    /// <summary>How far that server's clock may be ahead: a key that a device made a moment ago by it is none from the future.</summary>
    public static readonly TimeSpan ClocksDiffer = TimeSpan.FromMinutes(5);

    /// <summary>Reads one. What the library fails at is a key that cannot be read, and no fault of this side.</summary>
    /// <param name="armored">What the server says.</param>
    public static Result<PgpKey> Read(string armored)
    {
        try
        {
            return PgpKey.Read(armored);
        }
        catch (OpenPgpException)
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }
    }
}

/// <summary>The wrapped secret of an escrow on the other server.</summary>
/// <param name="Id">Its id.</param>
/// <param name="PrivateKey">The id of the escrowed key that it opens.</param>
/// <param name="Recipient">The fingerprint of the organisation key that it is encrypted to.</param>
/// <param name="Data">The message, armored.</param>
internal sealed record RemotePassword(Guid Id, Guid PrivateKey, string Recipient, string Data);

/// <summary>A request on the other server.</summary>
/// <param name="Id">Its id.</param>
/// <param name="User">The person's id there.</param>
/// <param name="Status">How it stands: <c>pending</c>, <c>approved</c>, <c>rejected</c>, <c>completed</c>.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record RemoteRequest(Guid Id, Guid User, string Status, DateTimeOffset CreatedAt)
{
    /// <summary>The request's key, armored; null where it was not asked for.</summary>
    public string? RequestKey { get; init; }

    /// <summary>Its fingerprint.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The wrapped secret; null where it was not asked for, or is not as it must be.</summary>
    public RemotePassword? Password { get; init; }

    /// <summary>Who answered it; none where nobody did or it was not asked for.</summary>
    public IReadOnlyList<Guid> Responders { get; init; } = [];

    /// <summary>Whether somebody can still answer it.</summary>
    public bool IsPending => Status == "pending";

    /// <summary>Where all are listed, the newest first.</summary>
    public const string List = "/account-recovery/requests.json?sort=AccountRecoveryRequests.created&direction=desc";

    /// <summary>Where one is read with all that an answer needs.</summary>
    /// <param name="id">Which.</param>
    public static string Path(Guid id) =>
        $"/account-recovery/requests/{id:D}.json?contain[account_recovery_private_key_passwords]=1&contain[armored_key]=1&contain[account_recovery_request_responses]=1";

    /// <summary>Reads one.</summary>
    /// <param name="json">What the server says.</param>
    /// <returns>The request; null where there is no making sense of it.</returns>
    public static RemoteRequest? Read(JsonNode? json) =>
        IdAt(json, "id") is { } id && IdAt(json, "user_id") is { } user && PassboltAnswer.TextAt(json, "status") is { } status
        && DateTimeOffset.TryParse(PassboltAnswer.TextAt(json, "created"), System.Globalization.CultureInfo.InvariantCulture, out var created)
            ? new RemoteRequest(id, user, status, created)
            {
                RequestKey = PassboltAnswer.TextAt(json, "armored_key"),
                Fingerprint = PassboltAnswer.TextAt(json, "fingerprint"),
                Password = PasswordOf(PassboltAnswer.At(json, "account_recovery_private_key"), user),
                Responders = PassboltAnswer.At(json, "account_recovery_responses") is JsonArray answers
                    ? [.. answers.Select(a => IdAt(a, "created_by")).OfType<Guid>()] : [],
            }
            : null;

    // Contract of review: the key is the person's, it has exactly one secret, for the organisation, and that secret is this key's.
    private static RemotePassword? PasswordOf(JsonNode? key, Guid user) =>
        IdAt(key, "id") is { } keyId && IdAt(key, "user_id") == user
        && PassboltAnswer.At(key, "account_recovery_private_key_passwords") is JsonArray { Count: 1 } list && list[0] is JsonObject one
        && PassboltAnswer.TextAt(one, "recipient_foreign_model") == "AccountRecoveryOrganizationKey"
        && IdAt(one, "private_key_id") == keyId && IdAt(one, "id") is { } id
        && PassboltAnswer.TextAt(one, "recipient_fingerprint") is { Length: 40 } recipient && PassboltAnswer.TextAt(one, "data") is { } data
            ? new RemotePassword(id, keyId, recipient.ToUpperInvariant(), data)
            : null;

    private static Guid? IdAt(JsonNode? json, string name) =>
        Guid.TryParseExact(PassboltAnswer.TextAt(json, name), "D", out var id) ? id : null;
}
