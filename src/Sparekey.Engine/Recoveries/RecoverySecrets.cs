using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Secrets;

namespace Sparekey.Engine.Recoveries;

/// <summary>A secret in clear, for the one answer or message that carries it.</summary>
/// <param name="Means">Link, code or token.</param>
/// <param name="Text">The link, the code as it is shown, or the token.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record MintedSecret(Means Means, SecretText Text, DateTimeOffset ExpiresAt);

/// <summary>A flow of another product's protocol that a secret is issued into: without it, the secret is worth nothing.</summary>
/// <param name="FlowId">The flow.</param>
/// <param name="LinkStart">Where its link leads, up to the token.</param>
/// <param name="Page">The page on which its code is typed.</param>
internal sealed record FlowCarrier(string FlowId, string LinkStart, Uri Page)
{
    /// <summary>How many digits its code has; few tries of the flow's own stand against few digits.</summary>
    public int Digits { get; init; } = RecoveryLimits.ShortCodeDigits;

    /// <summary>The address that it goes to, one that carries secrets; null where it goes to the caller.</summary>
    public Address? To { get; init; }
}

/// <summary>
/// Makes the secrets of recoveries and checks what people present. At rest is HMAC-SHA-256 under a key outside the database,
/// over purpose, recovery and row, so that equal codes never look alike and a code fits only its own request (A12, A16).
/// </summary>
/// <param name="keys">The key ring.</param>
internal sealed class RecoverySecrets(KeyRing keys)
{
    // 190 bits.
    private const int FlowTokenLength = 32;
    private const string LettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Makes the second half of a secret.</summary>
    /// <returns>As it is shown, once.</returns>
    public static SecretText MintHalf() => SecretMint.NewCode(CodeFormat.Letters);

    /// <summary>Makes the secret of the recovery's live generation.</summary>
    /// <param name="recovery">A recovery that was just issued.</param>
    /// <param name="linkBase">Where the recovery page of the application is, without a fragment.</param>
    /// <param name="half">The half that it is worth nothing without; null where it is whole.</param>
    /// <returns>What to store and what to show, once.</returns>
    public (StoredSecret Stored, MintedSecret Minted) Mint(Recovery recovery, Uri linkBase, SecretText? half = null)
    {
        var request = recovery.Request;
        if (request.Means == Means.Code)
        {
            var (stored, code) = MintCode(recovery, request.CodeFormat!.Value, half, request.Digits ?? 8);
            return (stored, new MintedSecret(Means.Code, code, recovery.Secret!.ExpiresAt));
        }

        if (!request.Means.HasSecret())
        {
            // Beside the recovery key, the code that shows that the person reads the mail.
            var (stored, code) = MintCode(recovery, CodeFormat.Grouped, half: null);
            return (stored, new MintedSecret(request.Means, code, recovery.Secret!.ExpiresAt));
        }

        var id = NewId.Make<EntryId>().Value;
        var secret = SecretMint.NewToken32();
        var prefix = request.Means == Means.Link ? TokenPrefix.Link : TokenPrefix.Reset;
        var token = TokenText.Format(prefix, recovery.Tenant, id, secret.Reveal());
        var shown = request.Means == Means.Link ? new SecretText($"{linkBase}#{token.Reveal()}") : token;
        return (Store(recovery, id, request.Means, secret.Reveal(), half), new MintedSecret(request.Means, shown, recovery.Secret!.ExpiresAt));
    }

    /// <summary>
    /// Makes the code that a mailed link has beside it, for a page without script and for another device. It lives and dies with
    /// the link's generation; whichever of the two is redeemed, they open the same redemption.
    /// </summary>
    /// <param name="recovery">A recovery that was just issued.</param>
    /// <param name="half">The half that both are worth nothing without; null where they are whole.</param>
    /// <returns>What to store and what to show, once.</returns>
    public (StoredSecret Stored, SecretText Code) MintTypedCode(Recovery recovery, SecretText? half = null) =>
        MintCode(recovery, CodeFormat.Letters, half);

    /// <summary>
    /// Makes the secret of the recovery's live generation for a flow. It is stored nowhere but with the flow, and no name finds it: what
    /// it is worth depends on knowing the flow too.
    /// </summary>
    /// <param name="recovery">A recovery that was just issued.</param>
    /// <param name="carrier">The flow.</param>
    /// <returns>What to keep with the flow and what to show, once.</returns>
    public (KeyedHash? Kept, MintedSecret Minted) MintFor(Recovery recovery, FlowCarrier carrier)
    {
        var means = recovery.Request.Means;
        var secret = means == Means.Code
            ? SecretMint.NewCode(CodeFormat.Digits, carrier.Digits)
            : new SecretText(RandomNumberGenerator.GetString(LettersAndDigits, FlowTokenLength));
        var kept = keys.Hash(
            KeyPurpose.RecoverySecret, FlowContext(recovery.Tenant, recovery.Id, carrier.FlowId), Encoding.UTF8.GetBytes(secret.Reveal()));
        var shown = means == Means.Code ? secret : new SecretText(carrier.LinkStart + secret.Reveal());
        return (kept, new MintedSecret(means, shown, recovery.Secret!.ExpiresAt));
    }

    /// <summary>Whether a text is the secret of a flow. Costs the same whichever way it goes.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="recovery">The recovery behind the flow; null where there is none.</param>
    /// <param name="flowId">The flow.</param>
    /// <param name="kept">What is kept with it; null where there is nothing, which no text is.</param>
    /// <param name="presented">What was presented.</param>
    public bool MatchesFlow(TenantId tenant, RecoveryId? recovery, string flowId, KeyedHash? kept, string presented) =>
        keys.Verify(
            kept ?? Nothing, KeyPurpose.RecoverySecret, FlowContext(tenant, recovery ?? default, flowId), Encoding.UTF8.GetBytes(presented))
        && kept is not null;

    /// <summary>Whether a text is a stored secret. Costs the same whichever way it goes.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="stored">What is stored; null costs the same and is never the secret.</param>
    /// <param name="presented">What was presented, in the form to compare.</param>
    /// <param name="half">The second half as it was typed; null where none was. A whole secret takes no notice of it.</param>
    public bool Matches(TenantId tenant, StoredSecret? stored, string presented, SecretText? half = null)
    {
        var context = stored is null ? "" : Context(tenant, stored.Recovery, stored.Id);
        var whole = stored is { IsSplit: true } ? Joined(presented, half) : presented;
        return keys.Verify(stored?.Hash ?? Nothing, KeyPurpose.RecoverySecret, context, Encoding.UTF8.GetBytes(whole))
            && stored is not null;
    }

    private static readonly KeyedHash Nothing = new(0, new byte[32]);

    // Shown as people read it best; stored as every way of typing it comes down to.
    private (StoredSecret Stored, SecretText Code) MintCode(Recovery recovery, CodeFormat format, SecretText? half, int digits = 8)
    {
        var code = SecretMint.NewCode(format, digits);
        var typed = CodeText.Normalize(format, code.Reveal()) ?? throw new InvalidOperationException("A minted code has a form of its own.");
        return (Store(recovery, NewId.Make<EntryId>().Value, Means.Code, typed, half), code);
    }

    private StoredSecret Store(Recovery recovery, Guid id, Means means, string presented, SecretText? half) => new(
        id, recovery.Id, means,
        keys.Hash(
            KeyPurpose.RecoverySecret, Context(recovery.Tenant, recovery.Id, id),
            Encoding.UTF8.GetBytes(half is null ? presented : Joined(presented, half))))
    {
        IsSplit = half is not null,
    };

    // One hash over both: no half can be tried without the other, not even by who holds the database and its keys.
    private static string Joined(string presented, SecretText? half) =>
        $"{presented}\n{(half is null ? null : CodeText.Normalize(CodeFormat.Letters, half.Reveal()))}";

    private static string Context(TenantId tenant, RecoveryId recovery, Guid id) => $"{tenant}/{recovery}/{id:D}";

    private static string FlowContext(TenantId tenant, RecoveryId recovery, string flowId) => $"{tenant}/{recovery}/flow/{flowId}";
}
