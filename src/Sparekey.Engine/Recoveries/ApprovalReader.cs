using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Recoveries;

/// <summary>Reads what the state machine asks of somebody who agrees: their groups, who made them an operator, when they were recovered.</summary>
/// <param name="accounts">The accounts.</param>
/// <param name="people">Know who people are to each other.</param>
internal sealed class ApprovalReader(AccountStore accounts, SecondPeople people)
{
    /// <summary>The command of somebody who agrees.</summary>
    /// <param name="act">The act.</param>
    /// <param name="by">Who agrees.</param>
    /// <param name="found">To what.</param>
    /// <param name="digest">What they saw.</param>
    /// <param name="note">What they say beside it.</param>
    public async Task<RecoveryCommand.Approve> Read(Act act, Principal by, RecoveryAct.Found found, string digest, DecisionNote note)
    {
        var person = await people.Of(act, by);
        return new RecoveryCommand.Approve(by, digest, person.RecoveredAt)
        {
            Groups = await GroupsOf(act, by),
            RequesterGroups = await GroupsOf(act, found.Recovery.RequestedBy),
            ManagerOfTarget = found.Account.Manager,
            GrantedBy = person.GrantedBy,
            Note = note,
        };
    }

    private async Task<ImmutableArray<string>> GroupsOf(Act act, Principal principal) =>
        PersonBehind.Of(principal) is { } person ? (await accounts.Find(act.Db, act.Tenant, person))?.Groups ?? [] : [];
}
