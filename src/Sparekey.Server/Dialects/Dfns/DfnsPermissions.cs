using System.Collections.Frozen;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>Dfns's names of permissions, in all generations that its clients use, and what they mean here.</summary>
internal static class DfnsPermissions
{
    private const string Types = "Auth:Types:";

    private static readonly FrozenDictionary<string, Permission[]> Names = new Dictionary<string, Permission[]>(StringComparer.Ordinal)
    {
        ["Auth:Users:Create"] = [Permission.AccountWrite, Permission.AccountRead],
        ["Auth:Users:Delegate"] = [Permission.CredentialAdd, Permission.RecoveryRequest, Permission.RecoveryIssue, Permission.SessionDelegate],
        ["Auth:Users:Read"] = [Permission.AccountRead],
        ["Auth:Register:Delegated"] = [Permission.AccountWrite, Permission.CredentialAdd],
        ["Auth:Delegated:Register"] = [Permission.AccountWrite, Permission.CredentialAdd],
        ["Auth:Recover:Delegated"] = [Permission.RecoveryRequest, Permission.RecoveryIssue],
        ["Auth:Delegated:Recover"] = [Permission.RecoveryRequest, Permission.RecoveryIssue],
        ["Auth:Login:Delegated"] = [Permission.SessionDelegate],
        ["Auth:Delegated:Login"] = [Permission.SessionDelegate],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Reads names of permissions, Dfns's and our own.</summary>
    /// <param name="names">The names.</param>
    /// <returns>
    /// What they grant and on which kinds of accounts; or <see cref="RefusalCode.InvalidRequest"/> with the name that nobody knows, or for
    /// names of the first generation without a kind. Where no kind is named beside others there is no limit.
    /// </returns>
    public static Result<(PermissionSet Permissions, IReadOnlyList<AccountKind> Kinds)> Read(IReadOnlyList<string> names)
    {
        var permissions = new List<Permission>();
        var kinds = new List<AccountKind>();
        for (var i = 0; i < names.Count; i++)
        {
            if (Names.TryGetValue(names[i], out var known))
            {
                permissions.AddRange(known);
            }
            else if (Permissions.TryParse(names[i], out var own))
            {
                permissions.Add(own);
            }
            else if (KindOf(names[i]) is { } kind)
            {
                kinds.Add(kind);
            }
            else
            {
                return new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault($"/permissions/{i}", "There is no such permission.")] };
            }
        }

        // In the first generation of names nobody may act on a kind that is not named.
        return kinds.Count == 0 && names.Any(n => n.StartsWith("Auth:Users:", StringComparison.Ordinal))
            ? new Refusal(RefusalCode.InvalidRequest)
            {
                Faults = [new FieldFault("/permissions", "Beside Auth:Users:… at least one of Auth:Types:EndUser and Auth:Types:Employee.")],
            }
            : (PermissionSet.Of(permissions), kinds);
    }

    private static AccountKind? KindOf(string name) => name.StartsWith(Types, StringComparison.Ordinal) ? name[Types.Length..] switch
    {
        "EndUser" => AccountKind.Customer,
        "Employee" or "CustomerEmployee" => AccountKind.Employee,
        _ => null,
    } : null;
}
