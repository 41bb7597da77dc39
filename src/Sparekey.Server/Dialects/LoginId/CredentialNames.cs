using Sparekey.Core.Accounts;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>What clients say of a new credential, put into a form that can be kept.</summary>
internal static class CredentialNames
{
    private const int Longest = 64;

    /// <summary>What a credential is called: as the user says, else after browser and system.</summary>
    /// <param name="given">What the user says.</param>
    /// <param name="context">The request.</param>
    public static string Of(string? given, HttpContext context) =>
        given?.Trim() is { Length: > 0 and <= Longest } name && Identifier.IsPlainText(name)
            ? name
            : Mapping.DefaultName(context.Request.Headers.UserAgent.ToString());

    /// <summary>Base64url without the padding that some clients write.</summary>
    /// <param name="text">The text.</param>
    public static string Bare(string text) => text.TrimEnd('=');
}
