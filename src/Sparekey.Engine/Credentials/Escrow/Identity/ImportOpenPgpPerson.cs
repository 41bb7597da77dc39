using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>A person as they are made here.</summary>
/// <param name="Username">Their e-mail address.</param>
/// <param name="FirstName">Their first name.</param>
/// <param name="LastName">Their last name.</param>
/// <param name="Role">What they are.</param>
public sealed record NewOpenPgpPerson(string Username, string FirstName, string LastName, OpenPgpRole Role)
{
    /// <summary>The id that they have already in the other product; null for a new one.</summary>
    public AccountId? Id { get; init; }
}

/// <summary>A person who was invited.</summary>
/// <param name="Account">Who.</param>
/// <param name="Token">What they prove the invitation with.</param>
public sealed record InvitedOpenPgpPerson(Account Account, Core.Secrets.SecretText Token);

/// <summary>
/// Makes accounts of people who sign in with an OpenPGP key: with the key that they use already elsewhere, or with an invitation to make one.
/// For an account that exists neither is possible: nobody chooses another's credential.
/// </summary>
public sealed class ImportOpenPgpPerson
{
    /// <summary>Which product's ids these accounts have.</summary>
    public const string Dialect = "passbolt";

    private const int LongestName = 128;

    private readonly AccountAct _act;
    private readonly AccountStore _accounts;
    private readonly CreateAccount _create;
    private readonly PersonKeyStore _keys;
    private readonly OperatorStore _operators;
    private readonly PolicyStore _policies;
    private readonly SetUpInvitations _invitations;
    private readonly Acts _acts;

    internal ImportOpenPgpPerson(
        AccountAct act, AccountStore accounts, CreateAccount create, PersonKeyStore keys, OperatorStore operators, PolicyStore policies,
        SetUpInvitations invitations, Acts acts)
    {
        _act = act;
        _accounts = accounts;
        _create = create;
        _keys = keys;
        _operators = operators;
        _policies = policies;
        _invitations = invitations;
        _acts = acts;
    }

    /// <summary>Makes the account of a person with the key that they have. Done again with the same key and role it changes nothing.</summary>
    /// <param name="caller">Who makes it; holds <c>account:write</c>, <c>token:write</c> and whatever the role may do.</param>
    /// <param name="person">The person.</param>
    /// <param name="armored">Their public key.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The account; or <see cref="RefusalCode.IdentifierTaken"/>, <see cref="RefusalCode.CredentialTaken"/>, <see cref="RefusalCode.OpenpgpRefused"/>,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.OpenpgpUnavailable"/>, <see cref="RefusalCode.StrongerThanCreator"/>.
    /// </returns>
    public async Task<Result<Account>> Run(Caller caller, NewOpenPgpPerson person, string armored, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var key = PgpKey.Read(armored);
        if (key.Refusal is { } unreadable)
        {
            return unreadable.Faults.Count > 0 ? unreadable with { Faults = [.. unreadable.Faults.Select(f => f with { Pointer = "/public_key" })] } : unreadable;
        }

        if (PgpKeyRules.FaultOfPersonKey(key.Value, _acts.Now) is { } fault)
        {
            return PgpRefusals.Of(fault, "/public_key");
        }

        return await Make(
            caller, person,
            async (act, account) =>
            {
                var put = await _keys.Put(act, account.Id, key.Value);
                if (put.Refusal is { } taken)
                {
                    return taken;
                }

                await act.Record(new LedgerEntry(LedgerEvent.PersonKeySet, caller.Principal, account.Id)
                {
                    Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
                    {
                        ["fingerprint"] = key.Value.Fingerprint,
                        ["correlation_id"] = caller.CorrelationId,
                    },
                });
                return account;
            },
            async (act, account) => (await _keys.Find(act.Db, act.Tenant, account.Id))?.Fingerprint == key.Value.Fingerprint
                && OpenPgpRoles.Of(await _operators.Find(act.Db, act.Tenant, account.Id, act.Now)) == person.Role,
            cancellationToken);
    }

    /// <summary>Makes the account of a person who has no key yet, and an invitation to make one.</summary>
    /// <param name="caller">Who makes it; holds <c>account:write</c>, <c>credential:add</c>, <c>token:write</c> and whatever the role may do.</param>
    /// <param name="person">The person.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The account and the invitation's token, good for ten days; or a refusal as of <see cref="Run"/>.</returns>
    public async Task<Result<InvitedOpenPgpPerson>> Invite(Caller caller, NewOpenPgpPerson person, CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Permission.CredentialAdd) is { } missing)
        {
            return missing;
        }

        Core.Secrets.SecretText? token = null;
        var made = await Make(
            caller, person,
            async (act, account) =>
            {
                token = await _invitations.Begin(act, account.Id);
                return account;
            },
            (_, _) => Task.FromResult(false), cancellationToken);
        return made.Refusal is { } refused ? refused : new InvitedOpenPgpPerson(made.Value, token!);
    }

    private async Task<Result<Account>> Make(
        Caller caller, NewOpenPgpPerson person, Func<Act, Account, Task<Result<Account>>> finish, Func<Act, Account, Task<bool>> isDone,
        CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Permission.TokenWrite) is { } missing)
        {
            return missing;
        }

        var wanted = AccountRules.Make(
            new NewAccount
            {
                Emails = [person.Username],
                Kind = AccountKind.Employee,
                Traits = JsonSerializer.Serialize(new { name = new { first = person.FirstName, last = person.LastName } }),
            },
            _acts.Now);
        if (wanted.Refusal is { } invalid)
        {
            return invalid with { Faults = [.. invalid.Faults.Select(f => f.Pointer.StartsWith("/emails", StringComparison.Ordinal) ? f with { Pointer = "/username" } : f)] };
        }

        if (NameFaults(person) is { Count: > 0 } faults)
        {
            return new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
        }

        var id = person.Id ?? wanted.Value.Id;
        var account = wanted.Value with { Id = id, ExternalIds = [new ExternalId(Dialect, id.ToString())] };
        try
        {
            return await _act.Run(caller, act => Make(act, caller, account, person, finish, isDone), cancellationToken);
        }
        catch (UndoneException e)
        {
            return e.Refusal;
        }
    }

    private async Task<Result<Account>> Make(
        Act act, Caller caller, Account wanted, NewOpenPgpPerson person, Func<Act, Account, Task<Result<Account>>> finish,
        Func<Act, Account, Task<bool>> isDone)
    {
        if (await _accounts.FindByIdentifier(act.Db, act.Tenant, person.Username) is { } existing)
        {
            return (person.Id is null || person.Id == existing.Id) && await isDone(act, existing) ? existing : RefusalCode.IdentifierTaken;
        }

        if (person.Id is { } given && await act.Db.Scalar<long>(
            "SELECT COUNT(*) FROM accounts WHERE tenant_id = @tenant AND id = @id", new { tenant = act.Tenant.ToString(), id = given.ToString() }) > 0)
        {
            return RefusalCode.IdentifierTaken; // A deleted account keeps its id.
        }

        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        var rank = person.Role == OpenPgpRole.Admin ? (ranks.Knows("admin") ? "admin" : ranks.Highest) : ranks.Lowest;
        var granted = person.Role == OpenPgpRole.User
            ? null
            : new Operator(
                wanted.Id, OpenPgpRoles.PermissionsOf(person.Role), ranks.Highest, caller.Grant.ExpiresAt, act.Now,
                caller.Principal.OwnerId ?? caller.Principal.Id);
        if (granted is not null && caller.Grant.MayMint(
            granted.Permissions, granted.Ceiling, granted.ExpiresAt ?? DateTimeOffset.MaxValue, ranks, []) is { } stronger)
        {
            return stronger;
        }

        var created = await _create.Create(act, caller, wanted with { Role = rank }, new FirstPassword(null, null));
        if (created.Refusal is { } refused)
        {
            return refused;
        }

        var finished = await finish(act, created.Value);
        if (finished.Refusal is { } undone)
        {
            throw new UndoneException(undone); // An act that returns commits: nothing of the account may stay.
        }

        if (granted is not null)
        {
            await _operators.Put(act, granted);
            await ManageOperators.Record(act, LedgerEvent.OperatorChanged, caller, granted);
        }

        return created.Value;
    }

    private sealed class UndoneException(Refusal refusal) : Exception
    {
        public Refusal Refusal => refusal;
    }

    private static List<FieldFault> NameFaults(NewOpenPgpPerson person)
    {
        var faults = new List<FieldFault>();
        foreach (var (pointer, name) in new[] { ("/first_name", person.FirstName), ("/last_name", person.LastName) })
        {
            if (name.Length is 0 or > LongestName || !Identifier.IsPlainText(name))
            {
                faults.Add(new FieldFault(pointer, $"1 to {LongestName} characters, none of them a control character."));
            }
        }

        return faults;
    }
}
