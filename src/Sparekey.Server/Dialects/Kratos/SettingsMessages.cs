using System.Globalization;
using System.Text.Json.Nodes;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Flows;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Something that was wrong with a submission.</summary>
/// <param name="Node">The field that it is about; null for the whole.</param>
/// <param name="Text">What.</param>
internal sealed record FlowFault(string? Node, UiText Text);

/// <summary>What settings flows say, with the ids that user interfaces know.</summary>
internal static class SettingsMessages
{
    public static UiText Saved { get; } = UiText.Success(1050001, "Your changes have been saved!");

    public static UiText AddPasskey { get; } = UiText.Info(1050019, "Add passkey");

    public static UiText NoMethod { get; } = UiText.Error(4010004, "Could not find any strategy to update your settings. Did you fill out the form correctly?");

    public static UiText SamePassword { get; } = UiText.Error(4000039, "The new password must be different from the old password.");

    public static UiText Taken { get; } = UiText.Error(4000007, "An account with the same identifier (email, phone, username, ...) exists already.");

    public static UiText LastWayIn { get; } = UiText.Reason("It is the last way to sign in. Removing it would lock you out.");

    public static UiText CredentialFirst { get; } = UiText.Reason("Set a new password or passkey first.");

    /// <summary>After a recovery: how long the person can set a credential.</summary>
    /// <param name="flow">A flow that follows a recovery.</param>
    /// <param name="until">Until when.</param>
    public static UiText Recovered(SettingsFlow flow, DateTimeOffset until) => UiText.Success(
        1060001,
        string.Create(
            CultureInfo.InvariantCulture,
            $"You successfully recovered your account. Please change your password or set up an alternative login method within the next {(until - flow.IssuedAt).TotalMinutes:F2} minutes."),
        new JsonObject
        {
            ["privilegedSessionExpiresAt"] = KratosJson.Time(until),
            ["privileged_session_expires_at"] = KratosJson.Time(until),
            ["privileged_session_expires_at_unix"] = until.ToUnixTimeSeconds(),
        });

    /// <summary>A field is missing.</summary>
    /// <param name="property">The field.</param>
    public static FlowFault Missing(string property) =>
        new(property, UiText.Error(4000002, $"Property {property} is missing.", new JsonObject { ["property"] = property }));

    /// <summary>The flow before this one ran out.</summary>
    /// <param name="at">When.</param>
    /// <param name="now">The time.</param>
    public static UiText Expired(DateTimeOffset at, DateTimeOffset now) => UiText.Error(
        4050001,
        string.Create(CultureInfo.InvariantCulture, $"The settings flow expired {(now - at).TotalMinutes:F2} minutes ago, please try again."),
        new JsonObject { ["expired_at"] = KratosJson.Time(at), ["expired_at_unix"] = at.ToUnixTimeSeconds() });

    /// <summary>A password was refused.</summary>
    /// <param name="fault">Why; null where it is the one it was.</param>
    /// <param name="password">The password, to count.</param>
    /// <param name="rules">What is asked.</param>
    public static FlowFault Password(PasswordFault? fault, string password, PasswordOptions rules)
    {
        var length = PasswordRules.Normalize(password).EnumerateRunes().Count();
        var (least, most) = (Math.Max(8, rules.MinLength), rules.MaxLength);
        return new FlowFault("password", fault is not { } wrong ? SamePassword : wrong switch
        {
            PasswordFault.TooShort => UiText.Error(
                4000032, string.Create(CultureInfo.InvariantCulture, $"The password must be at least {least} characters long, but got {length}."),
                new JsonObject { ["min_length"] = least, ["actual_length"] = length }),
            PasswordFault.TooLong => UiText.Error(
                4000033, string.Create(CultureInfo.InvariantCulture, $"The password must be at most {most} characters long, but got {length}."),
                new JsonObject { ["max_length"] = most, ["actual_length"] = length }),
            PasswordFault.Common => UiText.Error(4000034, "The password has been found in data breaches and must no longer be used."),
            PasswordFault.Personal => UiText.Error(4000031, "The password can not be used because it is too similar to the identifier."),
            PasswordFault.NotText => UiText.Error(
                4000005, "The password can not be used because it holds characters that are not text.",
                new JsonObject { ["reason"] = "it holds characters that are not text" }),
        });
    }

    /// <summary>Takes a passkey away.</summary>
    /// <param name="passkey">The passkey.</param>
    public static UiText RemovePasskey(Credential passkey)
    {
        var name = passkey.Name ?? "unnamed";
        return UiText.Info(1050020, $"Remove passkey \"{name}\"", new JsonObject
        {
            ["display_name"] = name,
            ["added_at"] = KratosJson.Time(passkey.CreatedAt),
            ["added_at_unix"] = passkey.CreatedAt.ToUnixTimeSeconds(),
        });
    }

    /// <summary>Links an account at a provider.</summary>
    /// <param name="provider">The provider.</param>
    public static UiText Link(OidcProvider provider) => UiText.Info(1050002, $"Link {provider.Label}", Of(provider));

    /// <summary>Unlinks it.</summary>
    /// <param name="provider">The provider.</param>
    public static UiText Unlink(OidcProvider provider) => UiText.Info(1050003, $"Unlink {provider.Label}", Of(provider));

    private static JsonObject Of(OidcProvider provider) => new() { ["provider"] = provider.Label, ["provider_id"] = provider.Id };
}
