using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Passbolt;

/// <summary>
/// The Passbolt server as the rest of escrow sees it. Where no companion is configured nobody is known there, and nothing of it is asked.
/// </summary>
/// <param name="acts">Reads what is known.</param>
/// <param name="store">What is known.</param>
/// <param name="options">Which server; null for none.</param>
/// <param name="client">Calls it; null for none.</param>
/// <param name="keys">Knows the organisation's key.</param>
internal sealed class CompanionServer(
    Acts acts, CompanionStore store, CompanionOptions? options, PassboltClient? client, CompanionKeys keys) : ICompanionServer
{
    private const int MostAdmins = 50;

    private int _hurries;

    /// <summary>Whether something waits since this was last asked.</summary>
    public bool TakeHurry() => Interlocked.Exchange(ref _hurries, 0) > 0;

    /// <inheritdoc/>
    public void Hurry(TenantId tenant) => Interlocked.Increment(ref _hurries);

    /// <inheritdoc/>
    public async Task<bool> Knows(DbSession db, TenantId tenant, AccountId account) =>
        options?.Tenant == tenant && await store.FindPerson(db, tenant, account) is { State: PersonState.Active };

    /// <inheritdoc/>
    public async Task Start(Act act, Recovery recovery)
    {
        await store.AddStart(act, recovery);
        Hurry(act.Tenant);
    }

    /// <inheritdoc/>
    public async Task<Result<CompanionRequestNow>> Read(
        TenantId tenant, EscrowRequest request, Guid remoteId, CancellationToken cancellationToken)
    {
        if (client is null || options?.Tenant != tenant)
        {
            return new Refusal(RefusalCode.MeansNotAvailable, "No companion is configured for this tenant.");
        }

        // 1. The policy is in force, with the key that this side knows.
        var policyAnswer = await client.Get(RemotePolicy.Path, cancellationToken);
        if (!policyAnswer.Ok)
        {
            return NotNow(policyAnswer);
        }

        var policy = RemotePolicy.Read(policyAnswer);
        if (policy.Refusal is { } unreadable)
        {
            return unreadable;
        }

        if (policy.Value is not { } inForce)
        {
            return RefusalCode.EscrowDisabled;
        }

        // 2. The request, as it is at this moment.
        var answer = await client.Get(RemoteRequest.Path(remoteId), cancellationToken);
        if (answer.Fault == PassboltFault.NotFound)
        {
            return RefusalCode.RecoveryClosed;
        }

        if (!answer.Ok)
        {
            return NotNow(answer);
        }

        var known = await acts.Read(db => Known(db, tenant, request.Account), cancellationToken);
        return Check(request, remoteId, inForce, RemoteRequest.Read(answer.Body), known.Person, known.Admins);
    }

    private Result<CompanionRequestNow> Check(
        EscrowRequest request, Guid remoteId, RemotePolicy policy, RemoteRequest? remote, CompanionPerson? person, IReadOnlyList<string> admins)
    {
        if (remote is null || remote.Id != remoteId)
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }

        if (!remote.IsPending)
        {
            return RefusalCode.RecoveryClosed;
        }

        if (remote.Password is not { } password)
        {
            return PgpRefusals.Of(PgpFault.NotAnEscrow);
        }

        // 3. It is the person's, and the key is the one that everybody saw who decided.
        if (person is not { State: PersonState.Active, PublicKey: { } armored } || remote.User != person.User)
        {
            return PgpRefusals.Of(PgpFault.WrongUser);
        }

        if (remote.RequestKey is not { } requestArmored || RemoteKey.Read(requestArmored) is not { Refusal: null } requestKey
            || requestKey.Value.Fingerprint != request.Fingerprint)
        {
            return PgpRefusals.Of(PgpFault.FingerprintDiffers);
        }

        if (PgpKeyRules.FaultOfRequestKey(requestKey.Value, request.Fingerprint, acts.Now + RemoteKey.ClocksDiffer) is { } fault)
        {
            return PgpRefusals.Of(fault);
        }

        // 4. The secret is wrapped for the key that is in force, and for the one that is held here.
        if (policy.Key.Fingerprint != password.Recipient || FaultOfHeldKey(policy.Key.Fingerprint))
        {
            return PgpRefusals.Of(PgpFault.WrongRecipient);
        }

        // 5. Who may have signed it: the person; after a rotation the administrator who did it.
        var owner = RemoteKey.Read(armored);
        if (owner.Refusal is { } refusal)
        {
            return refusal;
        }

        var signers = admins.Select(RemoteKey.Read).Where(k => k.Refusal is null).Select(k => k.Value).Prepend(owner.Value)
            .DistinctBy(k => k.Fingerprint).ToImmutableArray();
        var expected = new EscrowExpectation(options!.Domains.ToImmutableArray(), person.User, owner.Value.Fingerprint, signers);
        return new CompanionRequestNow(
            requestArmored,
            new(password.Id, password.PrivateKey, password.Recipient, password.Data, remote.CreatedAt, remote.CreatedAt, remote.User.ToString("D")),
            expected, policy.KeyId);
    }

    private bool FaultOfHeldKey(string inForce)
    {
        try
        {
            return keys.RecoveryFingerprint() is { } held && held != inForce;
        }
        catch (Exception e) when (e is SecretFileException or OpenPgpUnavailableException)
        {
            return false; // Whoever reads the key says what is wrong with it.
        }
    }

    private async Task<(CompanionPerson? Person, IReadOnlyList<string> Admins)> Known(DbSession db, TenantId tenant, AccountId account) =>
        (await store.FindPerson(db, tenant, account), await store.AdminKeys(db, tenant, MostAdmins));

    private static Refusal NotNow(PassboltAnswer answer) =>
        new(RefusalCode.Busy, $"The Passbolt server cannot be asked: {WireName.Of(answer.Fault)}.") { RetryAfter = answer.RetryAfter };
}

/// <summary>What the companion knows of a person goes with their account.</summary>
/// <param name="store">What it knows.</param>
internal sealed class ForgetPerson(CompanionStore store) : IAccountDeletionStep
{
    /// <inheritdoc/>
    public Task Run(Act act, Access.Caller caller, Core.Accounts.Account account) => store.Forget(act, account.Id);
}
