using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// Makes an account. It is the only act in which somebody else's choice becomes a person's address or, for a day, password:
/// the team knows its people before they ever come here.
/// </summary>
public sealed class CreateAccount
{
    private readonly AccountAct _act;
    private readonly AccountStore _store;
    private readonly PolicyStore _policies;
    private readonly PasswordStore _passwords;
    private readonly PasswordHashing _hashing;
    private readonly PasswordOptions _options;
    private readonly Idempotency _idempotency;
    private readonly Acts _acts;

    internal CreateAccount(
        AccountAct act, AccountStore store, PolicyStore policies, PasswordStore passwords, PasswordHashing hashing, PasswordOptions options,
        Idempotency idempotency, Acts acts)
    {
        _act = act;
        _store = store;
        _policies = policies;
        _passwords = passwords;
        _hashing = hashing;
        _options = options;
        _idempotency = idempotency;
        _acts = acts;
    }

    /// <summary>Makes an account.</summary>
    /// <param name="caller">Who makes it; holds <c>account:write</c> and a ceiling that covers its role.</param>
    /// <param name="wanted">The account.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The account; or <see cref="RefusalCode.InvalidRequest"/> with every fault, <see cref="RefusalCode.UnknownRole"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.IdentifierTaken"/>, <see cref="RefusalCode.PasswordRefused"/>,
    /// <see cref="RefusalCode.Busy"/>.
    /// </returns>
    public async Task<Result<Happened<Account>>> Run(
        Caller caller, NewAccount wanted, OnceKey<Account>? once, CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Core.Access.Permission.AccountWrite) is { } missing)
        {
            return missing;
        }

        var made = AccountRules.Make(wanted, _acts.Now);
        if (made.Refusal is { } invalid)
        {
            return invalid;
        }

        // Hashed before the act: a hash costs a tenth of a second, and every act of the installation would wait for it.
        var hashed = await Hash(wanted, made.Value, cancellationToken);
        return hashed.Refusal is { } refused
            ? refused
            : await _act.Run(
                caller,
                act => _idempotency.Run(act, caller, once, () => Create(act, caller, made.Value, hashed.Value)),
                cancellationToken);
    }

    /// <summary>Makes an account within an act.</summary>
    internal async Task<Result<Account>> Create(Act act, Caller caller, Account made, FirstPassword password)
    {
        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        var account = made.Role.Length == 0 ? made with { Role = ranks.Lowest } : made;
        if (await _act.CheckPlace(act.Db, act.Tenant, account, ranks, null) is { } wrong)
        {
            return wrong;
        }

        if (caller.Grant.MayCreate(account.Kind, account.Role, ranks) is { } forbidden)
        {
            return forbidden;
        }

        if (await AccountClaims.Taken(act, null, account))
        {
            return RefusalCode.IdentifierTaken;
        }

        await _store.Insert(act, account);
        if (password.Provisional is { } provisional)
        {
            await _passwords.SetProvisional(act, account.Id, provisional);
        }
        else if (password.Imported is { } imported)
        {
            await _passwords.Import(act, account.Id, imported);
        }

        await act.Record(AccountLedger.Created(caller, account, password.Kind, imported: false));
        return account;
    }

    private async Task<Result<FirstPassword>> Hash(NewAccount wanted, Account made, CancellationToken cancellationToken)
    {
        if (wanted.Password is not { } password)
        {
            return new FirstPassword(null, wanted.PasswordHash?.Reveal());
        }

        var rules = wanted.PasswordMinLength is { } fewest ? _options with { MinLength = fewest } : _options;
        if (PasswordRules.Check(password.Reveal(), rules, made) is { } fault)
        {
            return PasswordRules.Refusal(fault, rules, "/password");
        }

        return await _hashing.Hash(password.Reveal(), cancellationToken) is { } hash
            ? new FirstPassword(hash, null)
            : RefusalCode.Busy;
    }
}

/// <summary>The hash of the password that an account begins with, if it begins with one.</summary>
/// <param name="Provisional">Of one that somebody else chose.</param>
/// <param name="Imported">Of the person's own in another system.</param>
internal sealed record FirstPassword(string? Provisional, string? Imported)
{
    /// <summary>What the ledger says of it.</summary>
    public string? Kind => Provisional is not null ? "provisional" : Imported is not null ? "imported" : null;

    /// <summary>Shows nothing of the hash.</summary>
    public override string ToString() => Kind ?? "none";
}
