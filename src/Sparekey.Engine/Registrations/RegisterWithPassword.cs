using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Registrations;

/// <summary>Somebody makes their own account, with a password that they chose. Both are made in one act, or neither.</summary>
public sealed class RegisterWithPassword
{
    private readonly Acts _acts;
    private readonly Database _database;
    private readonly PasswordStore _passwords;
    private readonly PasswordHashing _hashing;
    private readonly PasswordOptions _rules;
    private readonly NewPerson _people;

    internal RegisterWithPassword(
        Acts acts, Database database, PasswordStore passwords, PasswordHashing hashing, PasswordOptions rules, NewPerson people)
    {
        _acts = acts;
        _database = database;
        _passwords = passwords;
        _hashing = hashing;
        _rules = rules;
        _people = people;
    }

    /// <summary>Registers.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="wanted">Who registers, and where.</param>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The account and its credential; or <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.PasswordRefused"/>,
    /// <see cref="RefusalCode.IdentifierTaken"/>, <see cref="RefusalCode.TooManyRequests"/>, <see cref="RefusalCode.Busy"/>; and for a
    /// programme <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<Registered>> Run(
        Visitor visitor, Registration wanted, SecretText password, CancellationToken cancellationToken)
    {
        var refused = await _acts.Write(visitor.Tenant, act => _people.Check(act, visitor, wanted), cancellationToken);
        if (refused is not null)
        {
            return refused;
        }

        if (PasswordRules.Check(password.Reveal(), _rules, [wanted.Username]) is { } fault)
        {
            return PasswordRules.Refusal(fault, _rules, "/password");
        }

        if (await _hashing.Hash(password.Reveal(), cancellationToken) is not { } hash)
        {
            return PasswordHashing.Busy;
        }

        try
        {
            return await _acts.Write(visitor.Tenant, act => Make(act, visitor, wanted, hash), cancellationToken);
        }
        catch (Exception e) when (_database.Dialect.IsUniqueViolation(e))
        {
            return RefusalCode.IdentifierTaken; // Where acts run side by side, the loser learns it at its own write.
        }
    }

    private async Task<Result<Registered>> Make(Act act, Visitor visitor, Registration wanted, string hash)
    {
        var account = await _people.Make(act, visitor, NewId.Make<AccountId>(), wanted);
        if (account.Refusal is { } taken)
        {
            return taken;
        }

        var credential = await _passwords.Set(act, account.Value.Id, hash, recovery: null);
        await act.Record(new LedgerEntry(LedgerEvent.CredentialAdded, Principal.Of(account.Value.Id), account.Value.Id)
        {
            Facts = SessionLedger.Facts(visitor, ("credential", credential.ToString()), ("kind", WireName.Of(CredentialKind.Password))),
            Texts = SessionLedger.Source(visitor),
        });
        return new Registered(account.Value, credential);
    }
}
