using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>An escrow whose form was checked.</summary>
/// <param name="Key">The organisation key that it is for.</param>
/// <param name="Blob">The first half.</param>
/// <param name="Password">The second half.</param>
internal sealed record CheckedEscrow(EscrowKeyId Key, string Blob, string Password)
{
    /// <inheritdoc/>
    public override string ToString() => "escrow";
}

/// <summary>
/// What people's decisions about escrow have in common, whichever act they come in: their own, or that of setting an account up. Who it is
/// and whether they may was settled before.
/// </summary>
/// <param name="acts">Reads.</param>
/// <param name="policies">The policy.</param>
/// <param name="enrolments">Decisions.</param>
/// <param name="escrows">Escrows.</param>
/// <param name="people">People's keys.</param>
/// <param name="ends">What others do when an escrow ends.</param>
internal sealed class EscrowEnrolling(
    Acts acts, EscrowPolicyStore policies, EnrolmentStore enrolments, EscrowStore escrows, PersonKeyStore people,
    IEnumerable<IEscrowEndStep> ends)
{
    /// <summary>Checks what a person gives, before any act: that costs OpenPGP work.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="escrow">Both halves.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// What may be stored; or <see cref="RefusalCode.InvalidRequest"/> and <see cref="RefusalCode.OpenpgpRefused"/> with pointers at
    /// <c>/blob</c> and below <c>/passwords</c>, <see cref="RefusalCode.EscrowDisabled"/>, <see cref="RefusalCode.OpenpgpUnavailable"/>.
    /// </returns>
    public async Task<Result<CheckedEscrow>> Check(Visitor visitor, NewEscrow escrow, CancellationToken cancellationToken)
    {
        var policy = await acts.Read(db => policies.Current(db, visitor.Tenant), cancellationToken);
        if (policy.Key is not { } organisation)
        {
            return RefusalCode.EscrowDisabled;
        }

        var faults = new List<FieldFault>();
        if (escrow.Blob is null)
        {
            faults.Add(EscrowFaults.At(EscrowFault.Required, "/blob"));
        }

        if (escrow.Passwords is not { Count: > 0 })
        {
            faults.Add(EscrowFaults.At(EscrowFault.Required, "/passwords"));
        }
        else if (escrow.Passwords.Count != 1)
        {
            faults.Add(EscrowFaults.At(EscrowFault.InvalidPasswordCount, "/passwords"));
        }

        if (faults.Count > 0)
        {
            return new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
        }

        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var recipient = PgpKey.Read(organisation.Armored);
        if (recipient.Refusal is not null)
        {
            throw new InvalidOperationException($"The organisation key {organisation.Id} cannot be read any more.");
        }

        faults.AddRange(PgpMessageShape.ReadBlob(escrow.Blob!, "/blob").Refusal?.Faults ?? []);
        faults.AddRange(EscrowChecks.FaultsOfPassword(escrow.Passwords![0], recipient.Value, "/passwords/0"));
        return faults.Count > 0
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
            : new CheckedEscrow(organisation.Id, escrow.Blob!, escrow.Passwords[0].Armored!);
    }

    /// <summary>Puts a person's private key into escrow.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="account">Whose; a person who may.</param>
    /// <param name="escrow">Both halves.</param>
    /// <param name="renew">Whether it may take the place of another one.</param>
    /// <returns>
    /// The decision; or <see cref="RefusalCode.EscrowDisabled"/>, <see cref="RefusalCode.AlreadyEnrolled"/>,
    /// <see cref="RefusalCode.InvalidRequest"/> where the person has no key here, <see cref="RefusalCode.VersionConflict"/> when another
    /// organisation key came into force meanwhile.
    /// </returns>
    public async Task<Result<Enrolment>> Enrol(Act act, Visitor visitor, AccountId account, CheckedEscrow escrow, bool renew = false)
    {
        var policy = await policies.Current(act.Db, act.Tenant);
        if (policy.Key is not { } organisation)
        {
            return RefusalCode.EscrowDisabled;
        }

        if (organisation.Id != escrow.Key)
        {
            return new Refusal(RefusalCode.VersionConflict, "Another organisation key came into force.");
        }

        var before = await enrolments.Find(act.Db, act.Tenant, account);
        if (before?.Status == EnrolmentStatus.Approved && !renew)
        {
            return RefusalCode.AlreadyEnrolled;
        }

        if (await people.Find(act.Db, act.Tenant, account) is not { } person)
        {
            return EscrowFaults.Refuse(EscrowFault.PersonKeyMissing);
        }

        if (before?.Status == EnrolmentStatus.Approved)
        {
            await End(act, visitor, Principal.Of(account), account);
        }

        var id = await enrolments.Put(act, account, EnrolmentStatus.Approved);
        var privateKey = await escrows.Add(act, account, id, person.Fingerprint, escrow, organisation.Fingerprint);
        await act.Record(Entry(
            LedgerEvent.EscrowEnrolled, visitor, Principal.Of(account), account, ("private_key", privateKey.ToString()),
            ("fingerprint", person.Fingerprint), ("organisation_key", organisation.Fingerprint),
            ("renewed", before?.Status == EnrolmentStatus.Approved)));
        await act.Send(CredentialNotice.Of(account, CredentialKind.Escrow, before?.Status == EnrolmentStatus.Approved ? "changed" : "added"));
        return (await enrolments.Find(act.Db, act.Tenant, account))!;
    }

    /// <summary>Writes down that a person does not want an escrow.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="account">Who.</param>
    /// <returns>
    /// The decision; or <see cref="RefusalCode.EscrowDisabled"/>, <see cref="RefusalCode.EscrowMandatory"/>,
    /// <see cref="RefusalCode.AlreadyEnrolled"/>.
    /// </returns>
    public async Task<Result<Enrolment>> Decline(Act act, Visitor visitor, AccountId account)
    {
        var policy = await policies.Current(act.Db, act.Tenant);
        if (!policy.IsEnabled)
        {
            return RefusalCode.EscrowDisabled;
        }

        if ((await enrolments.Find(act.Db, act.Tenant, account))?.Status == EnrolmentStatus.Approved)
        {
            return RefusalCode.AlreadyEnrolled;
        }

        if (policy.Mode == EscrowMode.Mandatory)
        {
            return RefusalCode.EscrowMandatory;
        }

        await enrolments.Put(act, account, EnrolmentStatus.Rejected);
        await act.Record(Entry(LedgerEvent.EscrowDeclined, visitor, Principal.Of(account), account));
        return (await enrolments.Find(act.Db, act.Tenant, account))!;
    }

    /// <summary>Takes a person's private key out of escrow; their open requests end with it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who does it.</param>
    /// <param name="enrolment">The person's decision: approved.</param>
    /// <param name="forget">Whether to forget that the person ever said anything, or write down that they decline.</param>
    public async Task Withdraw(Act act, Visitor visitor, Principal by, Enrolment enrolment, bool forget)
    {
        await End(act, visitor, by, enrolment.Account);
        await (forget ? (Task)enrolments.Delete(act, enrolment.Id) : enrolments.Put(act, enrolment.Account, EnrolmentStatus.Rejected));
        await act.Record(Entry(
            LedgerEvent.EscrowWithdrawn, visitor, by, enrolment.Account, ("private_key", enrolment.PrivateKey?.ToString()),
            ("status", WireName.Of(enrolment.Status))));
        if (enrolment.Status == EnrolmentStatus.Approved)
        {
            await act.Send(CredentialNotice.Of(enrolment.Account, CredentialKind.Escrow, "removed"));
        }
    }

    private async Task End(Act act, Visitor visitor, Principal by, AccountId account)
    {
        foreach (var step in ends)
        {
            await step.Run(act, visitor, by, account);
        }

        await escrows.Delete(act, account);
    }

    private static LedgerEntry Entry(
        LedgerEvent happened, Visitor visitor, Principal by, AccountId account, params ReadOnlySpan<(string Name, object? Value)> facts) =>
        new(happened, by, account) { Facts = SessionLedger.Facts(visitor, facts), Texts = SessionLedger.Source(visitor) };
}
