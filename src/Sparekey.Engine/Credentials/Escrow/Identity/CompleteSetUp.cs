using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>What an invited person's device brings. Nothing in it was checked.</summary>
/// <param name="Armored">The public key that it made.</param>
/// <param name="Status">What the person says about escrow: approved, rejected; null where they were not asked.</param>
/// <param name="Escrow">The escrow of who approves; null for none.</param>
public sealed record NewPersonSetUp(string? Armored, EnrolmentStatus? Status, NewEscrow? Escrow);

/// <summary>
/// Takes the first OpenPGP key of an invited person, and their decision about escrow, in one act: where escrow is mandatory nobody is set up
/// without.
/// </summary>
public sealed class CompleteSetUp
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PersonKeyStore _keys;
    private readonly SetUpInvitations _invitations;
    private readonly EscrowEnrolling _enrolling;
    private readonly EscrowPolicyStore _policies;

    internal CompleteSetUp(
        Acts acts, AccountStore accounts, PersonKeyStore keys, SetUpInvitations invitations, EscrowEnrolling enrolling, EscrowPolicyStore policies)
    {
        _acts = acts;
        _accounts = accounts;
        _keys = keys;
        _invitations = invitations;
        _enrolling = enrolling;
        _policies = policies;
    }

    /// <summary>Looks at an invitation. Looking uses nothing up.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="id">Whose it should be.</param>
    /// <param name="token">Its token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The invited person; or <see cref="RefusalCode.RedemptionInvalid"/> whatever is wrong.</returns>
    public async Task<Result<Account>> Start(Visitor visitor, AccountId id, string token, CancellationToken cancellationToken) =>
        await _acts.Read(
            async db => await _invitations.Find(db, visitor.Tenant, id, token, _acts.Now) is not null
                && await _accounts.Find(db, visitor.Tenant, id) is { Status: AccountStatus.Active } account
                && await _keys.Find(db, visitor.Tenant, id) is null
                    ? account
                    : null,
            cancellationToken) is { } found
            ? found
            : RefusalCode.RedemptionInvalid;

    /// <summary>Takes what the device brings.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="id">The person.</param>
    /// <param name="token">The invitation's token.</param>
    /// <param name="brought">The key, and the decision about escrow.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The person; or <see cref="RefusalCode.RedemptionInvalid"/>, <see cref="RefusalCode.CredentialTaken"/>,
    /// <see cref="RefusalCode.EscrowDisabled"/> where nobody asked what they say, a refusal with faults below <c>/key</c> and <c>/escrow</c>.
    /// </returns>
    public async Task<Result<Account>> Run(
        Visitor visitor, AccountId id, string token, NewPersonSetUp brought, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        if (await Start(visitor, id, token, cancellationToken) is { Refusal: { } over })
        {
            return over;
        }

        var key = brought.Armored is null ? EscrowFaults.Refuse(EscrowFault.Required) : PgpKey.Read(brought.Armored);
        if (key.Refusal is { } unreadable)
        {
            return unreadable.Below("/key");
        }

        if (PgpKeyRules.FaultOfPersonKey(key.Value, _acts.Now) is { } fault)
        {
            return PgpRefusals.Of(fault, "/key");
        }

        CheckedEscrow? escrow = null;
        if (brought.Status == EnrolmentStatus.Approved)
        {
            var read = await _enrolling.Check(visitor, brought.Escrow ?? new NewEscrow(null, null), cancellationToken);
            if (read.Refusal is { } wrong)
            {
                return wrong.Below("/escrow");
            }

            escrow = read.Value;
        }

        try
        {
            return await _acts.Write(visitor.Tenant, act => Take(act, visitor, id, token, key.Value, brought.Status, escrow), cancellationToken);
        }
        catch (UndoneException e)
        {
            return e.Refusal;
        }
    }

    // If the process dies after this act, the person has their key, their decision stands, and the invitation is spent.
    private async Task<Result<Account>> Take(
        Act act, Visitor visitor, AccountId id, string token, PgpKey key, EnrolmentStatus? status, CheckedEscrow? escrow)
    {
        if (await _invitations.Find(act.Db, act.Tenant, id, token, act.Now) is not { } version
            || await _accounts.Find(act.Db, act.Tenant, id) is not { Status: AccountStatus.Active } account
            || await _keys.Find(act.Db, act.Tenant, id) is not null)
        {
            return RefusalCode.RedemptionInvalid;
        }

        var policy = await _policies.Current(act.Db, act.Tenant);
        if (status is not null && !policy.IsEnabled)
        {
            return RefusalCode.EscrowDisabled;
        }

        if (policy.Mode == EscrowMode.Mandatory && (status != EnrolmentStatus.Approved || escrow is null))
        {
            return EscrowFaults.Refuse(EscrowFault.Required, "/escrow");
        }

        var put = await _keys.Put(act, id, key);
        if (put.Refusal is { } taken)
        {
            throw new UndoneException(taken);
        }

        if (!await _invitations.Consume(act, token, version))
        {
            throw new UndoneException(RefusalCode.RedemptionInvalid);
        }

        await act.Record(new LedgerEntry(LedgerEvent.PersonKeySet, Principal.Of(id), id)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["fingerprint"] = key.Fingerprint,
                ["correlation_id"] = visitor.CorrelationId,
            },
        });
        if (status is { } said)
        {
            var enrolled = said == EnrolmentStatus.Approved ? await _enrolling.Enrol(act, visitor, id, escrow!) : await _enrolling.Decline(act, visitor, id);
            if (enrolled.Refusal is { } refused)
            {
                throw new UndoneException(refused.Below("/escrow")); // An act that returns commits: the key would stay without its escrow.
            }
        }

        return account;
    }

    private sealed class UndoneException(Refusal refusal) : Exception
    {
        public Refusal Refusal => refusal;
    }
}
