using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>What somebody presents: the closed set of a long secret and a code for an account.</summary>
public abstract record PresentedSecret
{
    private PresentedSecret()
    {
    }

    /// <summary>The second half of a secret that is split; null where none was typed.</summary>
    public SecretText? Half { get; init; }

    /// <summary>The secret of a link or a reset token, which names its recovery itself.</summary>
    /// <param name="Means">Link or token.</param>
    /// <param name="Text">As it stood in the link's fragment, or the token.</param>
    public sealed record Long(Means Means, SecretText Text) : PresentedSecret;

    /// <summary>A code and whose it is.</summary>
    /// <param name="Text">As it was typed.</param>
    /// <param name="Identifier">A user name, address or telephone number.</param>
    public sealed record Code(SecretText Text, string Identifier) : PresentedSecret
    {
        /// <summary>Where a recovery key ends it: with which one the person means to; null for any of theirs.</summary>
        public string? RecoveryKey { get; init; }
    }
}

/// <summary>A redemption that was just opened.</summary>
/// <param name="Token">Its token, shown once.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="View">What the person may know.</param>
public sealed record OpenedRedemption(SecretText Token, DateTimeOffset ExpiresAt, RedemptionView View)
{
    /// <summary>What the person needs where a recovery key ends it; null for every other means.</summary>
    public RecoveryKeyOptions? RecoveryKey { get; init; }
}

/// <summary>What the holder of a redemption may know.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Account">The account.</param>
/// <param name="ExpiresAt">When the redemption ends.</param>
/// <param name="Allowed">Which credentials may be set under it.</param>
public sealed record RedemptionView(Recovery Recovery, Account Account, DateTimeOffset ExpiresAt, IReadOnlyList<string> Allowed);

/// <summary>
/// Opens a redemption for whoever presents a live secret. It consumes nothing: what consumes is the one commit that writes
/// the new credential. Wrong, used, expired and unknown look alike and do the same work.
/// </summary>
public sealed class RedeemSecret
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly RecoveryStore _store;
    private readonly RecoverySecrets _secrets;
    private readonly RecoveryAct _recoveries;
    private readonly Redemptions _redemptions;
    private readonly RecoverWithSavedCode _savedCode;
    private readonly Throttle _throttle;

    internal RedeemSecret(
        Acts acts, AccountStore accounts, PolicyStore policies, RecoveryStore store, RecoverySecrets secrets,
        RecoveryAct recoveries, Redemptions redemptions, RecoverWithSavedCode savedCode, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _store = store;
        _secrets = secrets;
        _recoveries = recoveries;
        _redemptions = redemptions;
        _savedCode = savedCode;
        _throttle = throttle;
    }

    /// <summary>Redeems.</summary>
    /// <param name="visitor">Where it came from.</param>
    /// <param name="presented">What was presented.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The redemption; or <see cref="RefusalCode.SecretInvalid"/>, or <see cref="RefusalCode.TooManyRequests"/> for codes, alike
    /// for unknown accounts. To who holds a right saved code also <see cref="RefusalCode.RequirementsOpen"/>, with the recovery that
    /// waits for others, and <see cref="RefusalCode.PolicyRefuses"/>; to who holds a right secret that was sent ahead,
    /// <see cref="RefusalCode.RequirementsOpen"/> with the recovery that waits for their second proof; to who holds the first half of a
    /// long secret, <see cref="RefusalCode.SecondHalfRequired"/>.
    /// </returns>
    public Task<Result<OpenedRedemption>> Run(Visitor visitor, PresentedSecret presented, CancellationToken cancellationToken) =>
        _acts.Write(
            visitor.Tenant,
            act => presented switch
            {
                PresentedSecret.Long secret => RedeemLong(act, visitor, secret),
                PresentedSecret.Code code => RedeemCode(act, visitor, code),
                _ => throw new InvalidOperationException("The set of presented secrets is closed."),
            },
            cancellationToken);

    private async Task<Result<OpenedRedemption>> RedeemLong(Act act, Visitor visitor, PresentedSecret.Long presented)
    {
        var prefix = presented.Means == Means.Link ? TokenPrefix.Link : TokenPrefix.Reset;
        if (!TokenText.TryParse(presented.Text.Reveal(), prefix, out var token) || token.Tenant != act.Tenant)
        {
            return RefusalCode.SecretInvalid;
        }

        var stored = await _store.FindSecret(act.Db, act.Tenant, token.Id);
        if (stored is { IsSplit: true } && presented.Half is null)
        {
            // Nothing is tried: without the other half nobody, not even this server, can tell whether this one is right.
            return RefusalCode.SecondHalfRequired;
        }

        var matches = _secrets.Matches(act.Tenant, stored, token.Secret.Reveal(), presented.Half) && stored!.Means == presented.Means;
        return stored is null ? RefusalCode.SecretInvalid : await Try(act, visitor, stored, matches, TryOrigin.Handle);
    }

    // A code does not say which recovery it is for, so it is tried on every live one of the account, in the same act: a try
    // that fits none is counted against each before anybody learns the result.
    private async Task<Result<OpenedRedemption>> RedeemCode(Act act, Visitor visitor, PresentedSecret.Code presented)
    {
        if (await _throttle.Count(act, ThrottleKind.Redemption, presented.Identifier, visitor.Source) is { } tooMany)
        {
            return tooMany;
        }

        // The form alone tells a saved code, so that it tells nothing of the account.
        if (SavedCode.Read(presented.Text.Reveal()) is { } saved)
        {
            return await _savedCode.Run(
                act, visitor, await _accounts.FindByIdentifier(act.Db, act.Tenant, presented.Identifier), saved);
        }

        var readings = CodeText.Candidates(presented.Text.Reveal()).Select(c => c.Text).Distinct(StringComparer.Ordinal).ToList();
        var account = await _accounts.FindByIdentifier(act.Db, act.Tenant, presented.Identifier);
        var codes = account is null ? [] : await _store.CodesOf(act.Db, act.Tenant, account.Id);
        if (codes.Count == 0)
        {
            _secrets.Matches(act.Tenant, null, presented.Text.Reveal());
        }

        var fitting = codes.FirstOrDefault(c => readings.Any(r => _secrets.Matches(act.Tenant, c, r, presented.Half)));
        Result<OpenedRedemption> answer = RefusalCode.SecretInvalid;
        foreach (var code in fitting is null ? codes : [fitting])
        {
            answer = await Try(act, visitor, code, code == fitting, TryOrigin.Account, presented.RecoveryKey);
        }

        return answer;
    }

    private async Task<Result<OpenedRedemption>> Try(Act act, Visitor visitor, StoredSecret stored, bool matches, TryOrigin origin, string? recoveryKey = null)
    {
        var recovery = await _store.Find(act.Db, act.Tenant, stored.Recovery);
        var account = recovery is null ? null : await _accounts.Find(act.Db, act.Tenant, recovery.Request.Account);
        if (recovery is null || account is not { Status: AccountStatus.Active })
        {
            return RefusalCode.SecretInvalid;
        }

        if (!matches && stored.Means != recovery.Request.Means)
        {
            return await CountOnTypedCode(act, visitor, stored, recovery);
        }

        var id = NewId.Make<RedemptionId>();
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var redeemed = await _recoveries.Apply(
            act, new RecoveryAct.Found(recovery, account, policy), new RecoveryCommand.Redeem(matches, origin, id), visitor);
        return redeemed.Refusal is { } refused
            ? refused.Code == RefusalCode.RequirementsOpen ? refused : new Refusal(RefusalCode.SecretInvalid)
            : await _redemptions.Open(act, redeemed.Value, account, recoveryKey);
    }

    // The code beside a mailed link takes as many wrong tries as any (N18), but they use up the code alone: a stranger who knows
    // no more than the account's name must not void the link in the person's mail.
    private async Task<Result<OpenedRedemption>> CountOnTypedCode(Act act, Visitor visitor, StoredSecret code, Recovery recovery)
    {
        if (recovery.TakesTries(act.Now))
        {
            await _store.CountTry(act, code, RecoveryLimits.Tries);
            await act.Record(new LedgerEntry(LedgerEvent.RecoveryTryRefused, Principal.Anonymous, recovery.Request.Account, recovery.Id)
            {
                Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
                {
                    ["generation"] = recovery.LastGeneration,
                    ["origin"] = WireName.Of(TryOrigin.Account),
                    ["code_tries"] = code.Tries + 1,
                    ["correlation_id"] = visitor.CorrelationId,
                },
                Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = visitor.Source },
            });
        }

        return RefusalCode.SecretInvalid;
    }
}
