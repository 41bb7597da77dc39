using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>The HTTP status and the title of every refusal (RFC 9457 §3.1). The one table; <c>docs/problems</c> explains each.</summary>
internal static class ProblemKinds
{
    /// <summary>Status and title of a refusal.</summary>
    /// <param name="code">The refusal.</param>
    public static (int Status, string Title) Of(RefusalCode code) => code switch
    {
        RefusalCode.InvalidRequest => (400, "The request is not valid"),
        RefusalCode.InvalidJson => (400, "The body is not valid JSON"),
        RefusalCode.BodyTooLarge => (413, "The body is too large"),
        RefusalCode.UnsupportedMediaType => (415, "The body must be application/json"),
        RefusalCode.InvalidCursor => (400, "The cursor is not one that was given out"),
        RefusalCode.UnknownHost => (421, "This host serves no tenant"),
        RefusalCode.RouteNotFound => (404, "There is no such route"),
        RefusalCode.MethodNotAllowed => (405, "The route has no such method"),
        RefusalCode.OriginNotAllowed => (403, "Requests from this origin are not accepted"),
        RefusalCode.IdempotencyKeyInvalid => (400, "The idempotency key is not valid"),
        RefusalCode.IdempotencyKeyReused => (422, "The idempotency key was used for another request"),
        RefusalCode.TooManyRequests => (429, "Too many requests"),
        RefusalCode.StorageUnavailable => (503, "Storage is not available"),
        RefusalCode.Busy => (503, "The server is busy"),
        RefusalCode.InternalError => (500, "Something went wrong"),
        RefusalCode.Unauthenticated => (401, "The caller is not known"),
        RefusalCode.PermissionMissing => (403, "The caller lacks the permission"),
        RefusalCode.AboveCeiling => (403, "The account is above the caller's ceiling"),
        RefusalCode.OwnAccount => (403, "Nobody acts as an operator on their own account"),
        RefusalCode.RoleNotAllowed => (403, "The account's role is not one that this is done for"),
        RefusalCode.StrongerThanCreator => (403, "A token never exceeds its creator"),
        RefusalCode.VelocityExceeded => (429, "The token's allowance is spent"),
        RefusalCode.AccountNotFound => (404, "There is no such account"),
        RefusalCode.AddressNotFound => (404, "There is no such address"),
        RefusalCode.ApplicationNotFound => (404, "There is no such application"),
        RefusalCode.WebhookNotFound => (404, "There is no such webhook"),
        RefusalCode.OperatorNotFound => (404, "There is no such operator"),
        RefusalCode.DeliveryNotFound => (404, "There is no such delivery"),
        RefusalCode.MailTextNotFound => (404, "There is no such text of mail"),
        RefusalCode.CredentialNotFound => (404, "There is no such credential"),
        RefusalCode.RecoveryNotFound => (404, "There is no such recovery"),
        RefusalCode.ServiceAccountNotFound => (404, "There is no such service account"),
        RefusalCode.TokenNotFound => (404, "There is no such token"),
        RefusalCode.TenantNotFound => (404, "There is no such tenant"),
        RefusalCode.ProblemNotFound => (404, "There is no such problem"),
        RefusalCode.IdentifierTaken => (409, "Another account has this identifier"),
        RefusalCode.NameTaken => (409, "The name is taken"),
        RefusalCode.UnknownRole => (400, "The tenant has no such role"),
        RefusalCode.ApplicationInUse => (409, "The application is in use"),
        RefusalCode.VersionConflict => (409, "Somebody else changed it"),
        RefusalCode.AccountDisabled => (409, "The account is disabled"),
        RefusalCode.AddressAlreadyConfirmed => (409, "The address is confirmed already"),
        RefusalCode.ConfirmationInvalid => (400, "The confirmation code is not valid"),
        RefusalCode.PolicyInvalid => (400, "The policy is not valid"),
        RefusalCode.PolicyRefuses => (403, "Policy refuses it"),
        RefusalCode.MeansNotAvailable => (400, "This means is not available"),
        RefusalCode.ChannelNotAvailable => (400, "This channel is not available for the means"),
        RefusalCode.NoUsableAddress => (409, "The account has no address that may carry a secret"),
        RefusalCode.LifetimeTooLong => (400, "The lifetime is too long"),
        RefusalCode.RequirementsOpen => (409, "Requirements are still open"),
        RefusalCode.WrongState => (409, "The recovery is not in a state for this"),
        RefusalCode.NotRequired => (409, "Nothing of the kind is required"),
        RefusalCode.DigestMismatch => (409, "The decision was made on another request"),
        RefusalCode.SignatureRequired => (403, "The approval must be signed by a passkey"),
        RefusalCode.ReasonNotAllowed => (400, "This reason is not accepted"),
        RefusalCode.SeparationOfDuties => (403, "This is somebody else's to do"),
        RefusalCode.RecentlyRecovered => (403, "Whoever was just recovered does not decide on others"),
        RefusalCode.AlreadyDecided => (409, "This was decided already"),
        RefusalCode.AccountChanged => (409, "The account changed after people decided"),
        RefusalCode.RecoveryExpired => (410, "The recovery has expired"),
        RefusalCode.RecoveryClosed => (409, "The recovery is closed"),
        RefusalCode.SecretInvalid => (401, "The secret is not valid"),
        RefusalCode.RedemptionInvalid => (401, "The redemption is not valid"),
        RefusalCode.SignInFailed => (401, "Sign-in failed"),
        RefusalCode.SessionInvalid => (401, "The session is not valid"),
        RefusalCode.PasswordChangeRequired => (403, "The password must be changed first"),
        RefusalCode.PasswordRefused => (422, "The password is not accepted"),
        RefusalCode.KeyRefused => (422, "The key is not accepted"),
        RefusalCode.ChallengeRefused => (422, "The challenge is another one, or over"),
        RefusalCode.CredentialTaken => (409, "The credential is somebody's already"),
        RefusalCode.RecoveryKeyRefused => (401, "The recovery key did not sign this"),
        RefusalCode.ActionSignatureInvalid => (403, "The action was not signed"),
        RefusalCode.ActionSignatureUsed => (400, "The signature of the action was used already"),
        RefusalCode.SignedCredentialsDiffer => (400, "What was signed is not what was sent"),
        RefusalCode.PasskeyRefused => (422, "The passkey is not accepted"),
        RefusalCode.CurrentPasswordWrong => (403, "The current password is wrong"),
        RefusalCode.FreshSignInRequired => (403, "The sign-in is too long ago for this"),
        RefusalCode.LastCredential => (409, "It is the last way to sign in"),
    };

    /// <summary>What a refusal says in one sentence, for the errors of dialects.</summary>
    /// <param name="refusal">The refusal.</param>
    /// <returns>Its first fault, or its detail, or its title.</returns>
    public static string SentenceOf(Refusal refusal) =>
        refusal.Faults is [var fault, ..] ? $"{fault.Pointer.TrimStart('/')}: {fault.Detail}" : refusal.Detail ?? Of(refusal.Code).Title;
}
