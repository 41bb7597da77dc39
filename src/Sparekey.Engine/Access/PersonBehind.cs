using Sparekey.Core;
using Sparekey.Core.Access;

namespace Sparekey.Engine.Access;

/// <summary>The person behind a principal.</summary>
internal static class PersonBehind
{
    /// <summary>The account itself, or the owner of the programme; null where that is no account.</summary>
    /// <param name="principal">The principal.</param>
    public static AccountId? Of(Principal principal) =>
        Ids.TryParse<AccountId>(principal.Kind == PrincipalKind.Account ? principal.Id : principal.OwnerId, out var person) ? person : null;
}
