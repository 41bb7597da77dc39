using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Recoveries;

/// <summary>Reads what may make somebody's word count for nothing where two people are needed.</summary>
/// <param name="recoveries">Knows whose account was recovered.</param>
/// <param name="operators">Knows who made whom an operator.</param>
internal sealed class SecondPeople(RecoveryStore recoveries, OperatorStore operators)
{
    /// <summary>Reads, within the act in which their word is to count.</summary>
    /// <param name="act">The act.</param>
    /// <param name="principal">Who gives it.</param>
    public async Task<SecondPerson> Of(Act act, Principal principal) => PersonBehind.Of(principal) is { } person
        ? new SecondPerson(
            principal, await recoveries.LastCompleted(act.Db, act.Tenant, person),
            (await operators.Find(act.Db, act.Tenant, person, act.Now))?.GrantedBy)
        : new SecondPerson(principal);
}
