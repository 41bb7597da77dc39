using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>A person as clients of the product see them.</summary>
/// <param name="Account">Who.</param>
/// <param name="Role">What they are.</param>
/// <param name="Key">Their key; null for none.</param>
public sealed record OpenPgpPerson(Account Account, OpenPgpRole Role, PersonKey? Key)
{
    /// <summary>Whether they may sign in. Who may not is seen by administrators alone.</summary>
    public bool MaySignIn => Account.Status == AccountStatus.Active && Key is not null;
}

/// <summary>By what people are sorted.</summary>
public enum OpenPgpPeopleOrder
{
    /// <summary>When they were made.</summary>
    Created,

    /// <summary>When they last changed.</summary>
    Modified,

    /// <summary>By what they are called.</summary>
    Username,
}

/// <summary>Which people, and in which order.</summary>
public sealed record OpenPgpPeopleFilter
{
    /// <summary>These; null for everybody.</summary>
    public IReadOnlyCollection<AccountId>? Accounts { get; init; }

    /// <summary>Only those who may sign in.</summary>
    public bool MaySignIn { get; init; }

    /// <summary>Only those of whom this is true; null for all. It is asked of every one of them, up to <see cref="ReadOpenPgpPeople.MostAtOnce"/>.</summary>
    public Func<OpenPgpPerson, bool>? Where { get; init; }

    /// <summary>The order.</summary>
    public OpenPgpPeopleOrder OrderBy { get; init; }

    /// <summary>Whether the last comes first.</summary>
    public bool Descending { get; init; }

    /// <summary>How many at most.</summary>
    public int Limit { get; init; } = ReadOpenPgpPeople.MostAtOnce;

    /// <summary>How many are passed over.</summary>
    public int Offset { get; init; }
}

/// <summary>
/// Shows the people that clients of the product know: those who were made for it or have a key, and nobody else of the tenant. Whoever
/// signed in sees them.
/// </summary>
public sealed class ReadOpenPgpPeople
{
    /// <summary>How many are read at once.</summary>
    public const int MostAtOnce = 10_000;

    private readonly Acts _acts;
    private readonly OpenPgpPeopleStore _people;

    internal ReadOpenPgpPeople(Acts acts, OpenPgpPeopleStore people) => (_acts, _people) = (acts, people);

    /// <summary>Lists them.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The page, and how many there are in all.</returns>
    public async Task<(IReadOnlyList<OpenPgpPerson> Items, int Count)> List(Visitor visitor, OpenPgpPeopleFilter filter, CancellationToken cancellationToken)
    {
        var (limit, offset) = (Math.Clamp(filter.Limit, 1, MostAtOnce), Math.Max(0, filter.Offset));
        var read = filter.Where is null ? filter with { Limit = limit, Offset = offset } : filter with { Limit = MostAtOnce, Offset = 0 };
        var (items, count) = await _acts.Read(db => _people.List(db, visitor.Tenant, read, _acts.Now), cancellationToken);
        if (filter.Where is null)
        {
            return (items, count);
        }

        var found = items.Where(filter.Where).ToList();
        return ([.. found.Skip(offset).Take(limit)], found.Count);
    }

    /// <summary>One of them.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="id">Who.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null where there is no such person.</returns>
    public Task<OpenPgpPerson?> Find(Visitor visitor, AccountId id, CancellationToken cancellationToken) =>
        _acts.Read(db => _people.Find(db, visitor.Tenant, id, _acts.Now), cancellationToken);
}
