using Sparekey.Core.Access;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>
/// What a service token may be for, and the permission of ours that the client must have been granted for it. A token's scope only
/// selects among the grants of its client; it grants nothing.
/// </summary>
internal static class Scopes
{
    public const string Register = "auth.register";
    public const string Login = "auth.login";
    public const string Temporary = "auth.temporary";
    public const string CreateUsers = "users.create";
    public const string RetrieveUsers = "users.retrieve";
    public const string DeleteUsers = "users.delete";
    public const string ActivateUsers = "users.activate";
    public const string DeactivateUsers = "users.deactivate";
    public const string DispatchVerification = "users.email_verification_dispatch";
    public const string GenerateCodes = "codes.generate";
    public const string AuthorizeCodes = "codes.authorize";
    public const string InvalidateCodes = "codes.invalidate";
    public const string AddCredential = "credentials.add";
    public const string ForceCredential = "credentials.force_add";
    public const string ListCredentials = "credentials.list";
    public const string RenameCredential = "credentials.rename";
    public const string RevokeCredential = "credentials.revoke";
    public const string RecoveryCode = "credentials.recovery_code";
    public const string AddRecovery = "credentials.add_recovery";
    public const string RetrieveSensitive = "credentials.retrieve_sensitive";
    public const string CreateTransaction = "tx.create";

    /// <summary>The permission that a scope takes; null for a scope that there is not.</summary>
    /// <param name="scope">The scope.</param>
    public static Permission? PermissionOf(string scope) => scope switch
    {
        Register or CreateUsers or DeleteUsers or ActivateUsers or DeactivateUsers or DispatchVerification or RenameCredential =>
            Permission.AccountWrite,
        Login or Temporary or RetrieveUsers or ListCredentials => Permission.AccountRead,
        GenerateCodes or AuthorizeCodes or RecoveryCode or AddRecovery => Permission.RecoveryIssue,
        InvalidateCodes => Permission.RecoveryCancel,
        AddCredential => Permission.CredentialAdd,
        ForceCredential or RetrieveSensitive or CreateTransaction => Permission.CredentialForce,
        RevokeCredential => Permission.CredentialRevoke,
        _ => null,
    };

    /// <summary>What a client of a type is granted when nothing else is said.</summary>
    /// <param name="type">The type.</param>
    public static PermissionSet UsualOf(string type) => type == ClientIds.Management
        ? PermissionSet.Of(
            Permission.AccountRead, Permission.AccountWrite, Permission.RecoveryRequest, Permission.RecoveryIssue, Permission.RecoveryCancel,
            Permission.CredentialAdd, Permission.CredentialForce, Permission.CredentialRevoke, Permission.SessionDelegate)
        : PermissionSet.Of(Permission.AccountRead, Permission.AccountWrite, Permission.CredentialAdd);
}

/// <summary>Ids of clients. They say what type of client it is.</summary>
internal static class ClientIds
{
    /// <summary>How these ids are called among the ids of an application.</summary>
    public const string Dialect = "loginid";

    public const string Native = "native";
    public const string DirectWeb = "directweb";
    public const string Management = "management";

    /// <summary>The types there are.</summary>
    public static readonly IReadOnlyList<string> Types = [Native, DirectWeb, Management];

    /// <summary>The type of a client.</summary>
    /// <param name="clientId">Its id; one that a team chose itself is of the type <c>directweb</c>.</param>
    public static string TypeOf(string clientId) => Types.FirstOrDefault(t => clientId.StartsWith(t + "-", StringComparison.Ordinal)) ?? DirectWeb;
}
