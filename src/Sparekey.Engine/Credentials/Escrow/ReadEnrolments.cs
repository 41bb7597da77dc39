using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Which enrolments to list.</summary>
public sealed record EnrolmentFilter
{
    /// <summary>Only those of a status.</summary>
    public EnrolmentStatus? Status { get; init; }

    /// <summary>Only those whose person has another key by now.</summary>
    public bool StaleOnly { get; init; }

    /// <summary>Only those after this one.</summary>
    public (DateTimeOffset CreatedAt, EnrolmentId Id)? After { get; init; }

    /// <summary>How many at most.</summary>
    public int Limit { get; init; } = 100;
}

/// <summary>Reads who is enrolled. Nothing that is in escrow is in it.</summary>
public sealed class ReadEnrolments
{
    private readonly Acts _acts;
    private readonly EscrowActs _escrow;
    private readonly EnrolmentStore _enrolments;

    internal ReadEnrolments(Acts acts, EscrowActs escrow, EnrolmentStore enrolments) =>
        (_acts, _escrow, _enrolments) = (acts, escrow, enrolments);

    /// <summary>What one person said; for that person, or for somebody who may read the account.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="account">Whose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null where they have not said anything, and while escrow is disabled.</returns>
    public Task<Enrolment?> Find(Visitor visitor, AccountId account, CancellationToken cancellationToken) =>
        _acts.Read(db => _enrolments.Find(db, visitor.Tenant, account), cancellationToken);

    /// <summary>What many people said; for somebody who may read these accounts.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="accounts">Whose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyDictionary<AccountId, Enrolment>> Of(
        Visitor visitor, IReadOnlyCollection<AccountId> accounts, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _enrolments.Of(db, visitor.Tenant, accounts), cancellationToken)).ToDictionary(e => e.Account);

    /// <summary>A page of all, oldest first.</summary>
    /// <param name="caller">Who reads; holds <c>escrow:manage</c>.</param>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The enrolments, or <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public Task<Result<ImmutableArray<Enrolment>>> List(Caller caller, EnrolmentFilter filter, CancellationToken cancellationToken) =>
        _escrow.Read<ImmutableArray<Enrolment>>(
            caller, async db => (ImmutableArray<Enrolment>)[.. await _enrolments.List(db, caller.Tenant, filter)], cancellationToken);

    /// <summary>How far the organisation has come.</summary>
    /// <param name="caller">Who reads; holds <c>escrow:manage</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The report, or <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public Task<Result<EscrowCoverage>> Coverage(Caller caller, CancellationToken cancellationToken) =>
        _escrow.Read<EscrowCoverage>(caller, async db => await _enrolments.Coverage(db, caller.Tenant), cancellationToken);
}
