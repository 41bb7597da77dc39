using System.Text.Json;
using System.Text.Json.Serialization;
using Sparekey.Core.Secrets;
using Sparekey.Server.Api;

namespace Sparekey.Server.Dialects.Cryptlex;

// What clients send, in the vendor's spelling. What is required is checked where it is used, so that null and missing are one.

/// <summary>A note about a user.</summary>
internal sealed record MetadataBody(
    [property: JsonPropertyName("key")] string? Key = null,
    [property: JsonPropertyName("value")] string? Value = null,
    [property: JsonPropertyName("viewPermissions")] IReadOnlyList<string>? ViewPermissions = null);

/// <summary>A user to make, or what shall be different about one.</summary>
internal sealed record UserBody(
    [property: JsonPropertyName("firstName")] string? FirstName = null,
    [property: JsonPropertyName("lastName")] string? LastName = null,
    [property: JsonPropertyName("email")] string? Email = null,
    [property: JsonPropertyName("password")] SecretText? Password = null,
    [property: JsonPropertyName("role")] string? Role = null,
    [property: JsonPropertyName("company")] string? Company = null,
    [property: JsonPropertyName("allowCustomerPortalAccess")] bool? AllowCustomerPortalAccess = null,
    [property: JsonPropertyName("metadata")] IReadOnlyList<MetadataBody>? Metadata = null,
    [property: JsonPropertyName("tags")] IReadOnlyList<string>? Tags = null,
    [property: JsonPropertyName("twoFactorEnabled")] bool? TwoFactorEnabled = null,
    [property: JsonPropertyName("googleSsoEnabled")] bool? GoogleSsoEnabled = null);

/// <summary>How a token is to be made; the vendor's clients send nothing.</summary>
internal sealed record TokenBody(
    [property: JsonPropertyName("expiresIn")] string? ExpiresIn = null,
    [property: JsonPropertyName("reason")] ReasonView? Reason = null);

/// <summary>A new password, and the token that allows it.</summary>
internal sealed record ResetBody(
    [property: JsonPropertyName("token")] SecretText? Token = null,
    [property: JsonPropertyName("newPassword")] SecretText? NewPassword = null);

/// <summary>Somebody asks for a mail.</summary>
internal sealed record ResetRequestBody(
    [property: JsonPropertyName("email")] string? Email = null,
    [property: JsonPropertyName("accountAlias")] string? AccountAlias = null,
    [property: JsonPropertyName("companyId")] string? CompanyId = null,
    [property: JsonPropertyName("accountId")] string? AccountId = null);

/// <summary>A reset token in an answer.</summary>
internal sealed record TokenView(string ResetPasswordToken, string ExpiresAt);

/// <summary>A note about a user in an answer.</summary>
internal sealed record MetadataView(string Key, string Value, IReadOnlyList<string> ViewPermissions);

/// <summary>A user in an answer: every member of the vendor's object, also where there is nothing to say.</summary>
internal sealed record UserView(
    string Id, string CreatedAt, string UpdatedAt, string Name, string FirstName, string LastName, string? Email, string? Company,
    bool TwoFactorEnabled, bool GoogleSsoEnabled, bool AllowCustomerPortalAccess, string Role, IReadOnlyList<string> Roles,
    string? LastLoginAt, string? LastSeenAt, IReadOnlyList<MetadataView> Metadata, IReadOnlyList<string> Tags)
{
    /// <summary>An address that the user was given and did not confirm yet; ours.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PendingEmail { get; init; }
}

/// <summary>JSON in the vendor's spelling.</summary>
internal static class CryptlexJson
{
    /// <summary>The options of every answer.</summary>
    public static JsonSerializerOptions Options { get; } = new(Http.WireJson.Options)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    };

    /// <summary>An answer.</summary>
    /// <param name="body">What stands in it.</param>
    /// <param name="status">The status.</param>
    public static IResult Answer(object body, int status = StatusCodes.Status200OK) => Results.Json(body, Options, statusCode: status);
}
