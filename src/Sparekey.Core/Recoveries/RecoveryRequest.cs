using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Secrets;

namespace Sparekey.Core.Recoveries;

/// <summary>How the person proves themselves at the end of a recovery.</summary>
public enum Means
{
    /// <summary>A link to the recovery page.</summary>
    Link,

    /// <summary>A code to type or to say.</summary>
    Code,

    /// <summary>A reset token for the team's own portal.</summary>
    Token,

    /// <summary>A recovery key the person holds authorises a new credential.</summary>
    RecoveryKey,

    /// <summary>The organisation's key releases an end-to-end encrypted secret.</summary>
    Escrow,

    /// <summary>An operator's programme binds a credential directly.</summary>
    Force,

    /// <summary>A code that the person saved when they could still sign in. Only its presenting opens such a recovery.</summary>
    SavedCode,
}

/// <summary>What the means have in common.</summary>
public static class MeansRules
{
    /// <summary>Whether a secret of ours is shown or sent: a link, a code, a token.</summary>
    /// <param name="means">The means.</param>
    public static bool HasSecret(this Means means) => means is Means.Link or Means.Code or Means.Token;

    /// <summary>
    /// Whether a password may be set at its end. A programme that binds a credential directly must not know it afterwards, and a
    /// recovery key signs keys.
    /// </summary>
    /// <param name="means">The means.</param>
    public static bool TakesPassword(this Means means) => means.HasSecret() || means == Means.SavedCode;

    /// <summary>
    /// Whether it ends in a redemption, in which a credential is bound. Only what the organisation's key releases does not: there
    /// the answer is the end.
    /// </summary>
    /// <param name="means">The means.</param>
    public static bool EndsInRedemption(this Means means) => means != Means.Escrow;
}

/// <summary>Which way the secret takes to the person.</summary>
public enum Channel
{
    /// <summary>In the answer to the requester, who passes it on.</summary>
    Return,

    /// <summary>By mail to an address that may carry secrets.</summary>
    Email,

    /// <summary>In the answer to the requester, who reads it out.</summary>
    Voice,

    /// <summary>By a text message to a telephone that may carry secrets.</summary>
    Sms,

    /// <summary>By a call to such a telephone, in which a machine reads it out.</summary>
    Call,
}

/// <summary>What the channels have in common.</summary>
public static class ChannelRules
{
    /// <summary>Whether the server itself sends the secret to the person; else it stands in the answer to the requester.</summary>
    /// <param name="channel">The channel.</param>
    public static bool ReachesPerson(this Channel channel) => channel is Channel.Email or Channel.Sms or Channel.Call;

    /// <summary>Which kind of address it takes; of a channel that reaches the person.</summary>
    /// <param name="channel">The channel.</param>
    public static AddressKind TakesAddress(this Channel channel) =>
        channel is Channel.Sms or Channel.Call ? AddressKind.Phone : AddressKind.Email;

    /// <summary>Whether it is heard and not read.</summary>
    /// <param name="channel">The channel.</param>
    public static bool IsSpoken(this Channel channel) => channel is Channel.Voice or Channel.Call;
}

/// <summary>What else ends when a recovery completes.</summary>
public enum Revocation
{
    Sessions,
    Passwords,
    Passkeys,
    Keys,
    RecoveryKeys,
    RecoveryCodes,
    ExternalLogins,

    /// <summary>Passkeys rest, and can be made active again.</summary>
    PasskeysForNow,
}

/// <summary>Why somebody asks for a recovery.</summary>
/// <param name="Code">A short code of the team's own, for example <c>lost_phone</c>: 1 to 64 characters.</param>
/// <param name="Text">A sentence for people: 1 to 1000 characters.</param>
/// <param name="Ticket">The ticket it belongs to: 1 to 64 characters.</param>
public sealed record Reason(string? Code, string? Text, string? Ticket)
{
    private const int LongestName = 64;
    private const int LongestText = 1000;

    /// <summary>Its members as texts of the ledger; those that are missing are left out.</summary>
    public ImmutableDictionary<string, string> Texts =>
        new[] { ("reason", Text), ("reason_code", Code), ("ticket", Ticket) }
            .Where(t => !string.IsNullOrEmpty(t.Item2))
            .ToImmutableDictionary(t => t.Item1, t => t.Item2!, StringComparer.Ordinal);

    /// <summary>What is wrong with it.</summary>
    /// <param name="pointer">Where it stands in what was sent: a JSON pointer.</param>
    /// <returns>Null, or <see cref="RefusalCode.InvalidRequest"/> with a fault for each member that is blank, too long or cannot be written.</returns>
    public Refusal? FaultAt(string pointer)
    {
        var faults = new List<FieldFault>();
        Check(Code, LongestName, "code");
        Check(Text, LongestText, "text");
        Check(Ticket, LongestName, "ticket");
        return faults.Count == 0 ? null : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };

        void Check(string? text, int longest, string member)
        {
            if (text is null)
            {
                return;
            }

            if (text.Length > longest || string.IsNullOrWhiteSpace(text))
            {
                faults.Add(new FieldFault($"{pointer}/{member}", $"1 to {longest} characters."));
            }
            else if (!CanonicalJson.CanWrite(text))
            {
                // What cannot be written can be neither hashed nor stored.
                faults.Add(new FieldFault($"{pointer}/{member}", "It holds half a character or U+0000."));
            }
        }
    }
}

/// <summary>What is asked for. Nothing in it changes after the opening but the reason and, while nobody decided, the account's version.</summary>
/// <param name="Account">Whose account.</param>
/// <param name="AccountVersion">The account's version that the requester and the deciders saw.</param>
/// <param name="Application">For which application.</param>
/// <param name="Means">How the person will prove themselves.</param>
/// <param name="Channel">How the secret reaches them.</param>
/// <param name="Lifetime">How long a secret lives from its issue.</param>
public sealed record RecoveryRequest(
    AccountId Account, int AccountVersion, ApplicationId Application, Means Means, Channel Channel, TimeSpan Lifetime)
{
    /// <summary>The form of a code; null for other means.</summary>
    public CodeFormat? CodeFormat { get; init; }

    /// <summary>How many digits a code of digits has.</summary>
    public int? Digits { get; init; }

    /// <summary>Before this time no secret is usable.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>What ends with the completion.</summary>
    public ImmutableArray<Revocation> Revoke { get; init; } = [];

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>The fingerprint of a key that the person's device made for this request.</summary>
    public string? RequestKeyFingerprint { get; init; }

    /// <summary>What the caller says of the risk it sees.</summary>
    public Risk? Risk { get; init; }

    /// <summary>Whether a text is the fingerprint of an OpenPGP key: 40 upper-case hexadecimal digits.</summary>
    /// <param name="text">The text.</param>
    public static bool IsFingerprint(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitUpper);

    internal Refusal? Fault => Reason?.FaultAt("/reason") is { } fault ? fault
        : Risk?.FaultAt("/risk") is { } wrong ? wrong
        : Means == Means.Escrow && RequestKeyFingerprint is { } key && !IsFingerprint(key)
            ? new Refusal(RefusalCode.InvalidRequest, "A fingerprint has 40 upper-case hexadecimal digits.")
        : CanonicalJson.CanWrite(RequestKeyFingerprint) ? null
        : new Refusal(RefusalCode.InvalidRequest, "A text holds half a character or U+0000.");

    /// <summary>
    /// What deciders sign together with the recovery's id: SHA-256 over the canonical JSON (RFC 8785) of everything that
    /// matters about the request.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="requestedBy">Who asks.</param>
    /// <returns>43 characters of base64url.</returns>
    public string Digest(TenantId tenant, Principal requestedBy)
    {
        var members = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["v"] = 1,
            ["tenant"] = tenant.ToString(),
            ["requested_by"] = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["kind"] = WireName.Of(requestedBy.Kind),
                ["id"] = requestedBy.Id,
                ["owner"] = requestedBy.OwnerId,
            },
            ["application"] = Application.ToString(),
            ["account"] = Account.ToString(),
            ["account_version"] = AccountVersion,
            ["means"] = WireName.Of(Means),
            ["code_format"] = CodeFormat is { } format ? WireName.Of(format) : null,
            ["digits"] = Digits,
            ["channel"] = WireName.Of(Channel),
            ["lifetime"] = (long)Lifetime.TotalSeconds,
            ["not_before"] = NotBefore?.ToUnixTimeMilliseconds(),
            ["revoke"] = Revoke.Select(WireName.Of).Order(StringComparer.Ordinal).ToList(),
            ["reason"] = Reason is null ? null : new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["code"] = Reason.Code,
                ["text"] = Reason.Text,
                ["ticket"] = Reason.Ticket,
            },
            ["request_key"] = RequestKeyFingerprint,
        };
        if (Risk is not null)
        {
            members["risk"] = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["score"] = Risk.Score,
                ["signs"] = Risk.Signs.Order(StringComparer.Ordinal).ToList(),
            };
        }

        return Base64Url.EncodeToString(SHA256.HashData(CanonicalJson.Write(members)));
    }

    /// <summary>
    /// What lets a dialect's caller come back to a recovery that was answered <em>pending</em>: the same caller asking the
    /// same thing for the same account has the same key.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="requestedBy">Who asks.</param>
    /// <param name="parameters">The dialect's own parameters, by name.</param>
    /// <returns>43 characters of base64url.</returns>
    public string CallKey(TenantId tenant, Principal requestedBy, IReadOnlyDictionary<string, string> parameters)
    {
        var members = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["v"] = 1,
            ["tenant"] = tenant.ToString(),
            ["principal"] = requestedBy.Id,
            ["application"] = Application.ToString(),
            ["account"] = Account.ToString(),
            ["means"] = WireName.Of(Means),
            ["channel"] = WireName.Of(Channel),
            ["parameters"] = parameters.ToDictionary(p => p.Key, p => (object?)p.Value, StringComparer.Ordinal),
        };
        return Base64Url.EncodeToString(SHA256.HashData(CanonicalJson.Write(members)));
    }
}
