using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>What a person is asked.</summary>
/// <param name="Recovery">The recovery that they may confirm.</param>
/// <param name="Account">Whose account it is.</param>
public sealed record ConfirmationQuestion(Recovery Recovery, Account Account);

/// <summary>
/// The person answers "did you ask for this?" with the token of a message: yes meets the confirmation that policy demands, no ends the
/// recovery and opens an incident. Looking uses nothing up; an answer uses the token up in the act that it allows, once. Whoever finds the token can say yes or
/// no to this one recovery, and nothing else.
/// </summary>
public sealed class ConfirmRecovery
{
    private readonly Acts _acts;
    private readonly ConfirmationTokens _tokens;
    private readonly RecoveryStore _store;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly RecoveryAct _recoveries;
    private readonly ReportIncident _incidents;

    internal ConfirmRecovery(
        Acts acts, ConfirmationTokens tokens, RecoveryStore store, AccountStore accounts, PolicyStore policies, RecoveryAct recoveries,
        ReportIncident incidents)
    {
        _acts = acts;
        _tokens = tokens;
        _store = store;
        _accounts = accounts;
        _policies = policies;
        _recoveries = recoveries;
        _incidents = incidents;
    }

    /// <summary>What the token asks.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The token of a message.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The question; or <see cref="RefusalCode.SecretInvalid"/> for every text that is no token, for tokens of recoveries that ended and
    /// of addresses that may not speak for the person now, <see cref="RefusalCode.AlreadyDecided"/> for one that was answered.
    /// </returns>
    public Task<Result<ConfirmationQuestion>> Look(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        _acts.Read<Result<ConfirmationQuestion>>(
            async db =>
            {
                var found = await Find(db, visitor, token);
                return found.Refusal is { } refusal ? refusal : found.Value.Question;
            },
            cancellationToken);

    /// <summary>Answers. If the process dies after this act, token and answer stand together or not at all.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The token of a message.</param>
    /// <param name="digest">What the person saw: the recovery's <c>digest</c> or <c>decision_digest</c>.</param>
    /// <param name="isMine">Whether it was them who asked.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery afterwards; or as <see cref="Look"/>, and <see cref="RefusalCode.DigestMismatch"/> where the request changed since they
    /// looked, <see cref="RefusalCode.NotRequired"/> where nobody waits for their yes.
    /// </returns>
    public Task<Result<Recovery>> Answer(
        Visitor visitor, SecretText token, string digest, bool isMine, CancellationToken cancellationToken) =>
        _acts.Write<Result<Recovery>>(
            visitor.Tenant,
            async act =>
            {
                var found = await Find(act.Db, visitor, token);
                if (found.Refusal is { } refusal)
                {
                    return refusal;
                }

                var (question, asked) = found.Value;
                var person = Principal.Of(question.Account.Id);
                RecoveryCommand command = isMine
                    ? new RecoveryCommand.Confirm(person, digest) { Over = AskForConfirmation.OverPage }
                    : new RecoveryCommand.Cancel(person, "not me");
                var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
                var applied = await _recoveries.Apply(act, new RecoveryAct.Found(question.Recovery, question.Account, policy), command, visitor);
                if (applied.Refusal is null)
                {
                    await _tokens.MarkUsed(act, asked);
                }

                if (applied.Refusal is null && !isMine)
                {
                    // No is "this was not me", with the same consequences as on the redemption's page.
                    await _incidents.Run(
                        act, visitor, applied.Value.Request.Account, [new IncidentRecovery(applied.Value.Id, applied.Value.State)]);
                }

                return applied;
            },
            cancellationToken);

    private async Task<Result<Asked>> Find(DbSession db, Visitor visitor, SecretText presented) =>
        await _tokens.Find(db, visitor.Tenant, presented) is not { } token
        || await _store.Find(db, visitor.Tenant, token.Recovery) is not { IsClosed: false } recovery || _acts.Now >= recovery.OpenUntil
        || await _accounts.Find(db, visitor.Tenant, recovery.Request.Account) is not { } account || !token.IsStillOf(account, _acts.Now)
            ? RefusalCode.SecretInvalid
            : token.Used ? RefusalCode.AlreadyDecided
            : new Asked(new ConfirmationQuestion(recovery, account), token);

    private sealed record Asked(ConfirmationQuestion Question, ConfirmationToken Token);
}
