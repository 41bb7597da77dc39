using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Registrations;

/// <summary>Who registers, where, and as what.</summary>
/// <param name="Application">The application that they register with.</param>
/// <param name="Username">The user name that they choose.</param>
public sealed record Registration(ApplicationId Application, string Username)
{
    /// <summary>
    /// The programme that vouches for the registration; null where people register on their own, and then nobody learns from the
    /// beginning of one whether the name is taken.
    /// </summary>
    public Caller? Programme { get; init; }

    /// <summary>The other product and group that the account is to belong to; null for none.</summary>
    public (string Dialect, string Group)? Membership { get; init; }
}

/// <summary>Somebody who just registered.</summary>
/// <param name="Account">The account.</param>
/// <param name="Credential">What they sign in with.</param>
public sealed record Registered(Account Account, CredentialId Credential);

/// <summary>
/// Makes the account of somebody who registers themselves: of the lowest role, with a user name and no address, because nobody vouched
/// for one.
/// </summary>
/// <param name="accounts">The accounts.</param>
/// <param name="policies">Knows the roles.</param>
/// <param name="throttle">Slows who tries names.</param>
internal sealed class NewPerson(AccountStore accounts, PolicyStore policies, Throttle throttle)
{
    /// <summary>Whether the registration may begin.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where it comes from.</param>
    /// <param name="wanted">The registration.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.InvalidRequest"/> for a name that is none, <see cref="RefusalCode.TooManyRequests"/>; and for a
    /// programme <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>,
    /// <see cref="RefusalCode.IdentifierTaken"/>.
    /// </returns>
    public async Task<Refusal?> Check(Act act, Visitor visitor, Registration wanted)
    {
        if (!Identifier.IsUsername(wanted.Username))
        {
            return AccountRules.Invalid([new FieldFault("/username", "2 to 64 printable characters without white space.")]);
        }

        if (wanted.Programme is not { } programme)
        {
            return await throttle.Count(act, ThrottleKind.Registration, wanted.Username, visitor.Source);
        }

        var ranks = await policies.Ranks(act.Db, act.Tenant);
        return programme.Grant.Demand(Permission.AccountWrite)
            ?? programme.Grant.MayCreate(AccountKind.Customer, ranks.Lowest, ranks)
            ?? (await accounts.FindByIdentifier(act.Db, act.Tenant, wanted.Username) is null ? null : (Refusal?)RefusalCode.IdentifierTaken);
    }

    /// <summary>Makes the account.</summary>
    /// <param name="act">The act that also binds what they sign in with.</param>
    /// <param name="visitor">Where it comes from.</param>
    /// <param name="id">The account's id.</param>
    /// <param name="wanted">The registration.</param>
    /// <returns>The account, or <see cref="RefusalCode.IdentifierTaken"/>.</returns>
    public async Task<Result<Account>> Make(Act act, Visitor visitor, AccountId id, Registration wanted)
    {
        var made = AccountRules.Make(new NewAccount { Username = wanted.Username }, act.Now);
        if (made.Refusal is { } invalid)
        {
            return invalid;
        }

        var account = made.Value with
        {
            Id = id,
            Role = (await policies.Ranks(act.Db, act.Tenant)).Lowest,
            ExternalIds = wanted.Membership is var (dialect, group) ? [Account.Membership(dialect, group, id.ToString())] : [],
        };
        if (await AccountClaims.Taken(act, null, account))
        {
            return RefusalCode.IdentifierTaken;
        }

        await accounts.Insert(act, account);
        await act.Record(new LedgerEntry(LedgerEvent.AccountCreated, wanted.Programme?.Principal ?? Principal.Of(id), id)
        {
            Facts = SessionLedger.Facts(
                visitor, ("role", account.Role), ("kind", WireName.Of(account.Kind)), ("status", WireName.Of(account.Status)),
                ("registered_with", wanted.Application.ToString()), ("version", account.Version)),
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["username"] = wanted.Username, ["source"] = visitor.Source },
        });
        return account;
    }
}
