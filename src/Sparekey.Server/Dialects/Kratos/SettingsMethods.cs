using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Flows;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Api;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>What came of a submission to a settings flow: the closed set of saved, wrong, elsewhere, refused.</summary>
internal abstract record SettingsOutcome
{
    private SettingsOutcome()
    {
    }

    /// <summary>It is done.</summary>
    public sealed record Saved : SettingsOutcome;

    /// <summary>Something in it is wrong, and can be put right.</summary>
    /// <param name="Faults">What.</param>
    public sealed record Wrong(IReadOnlyList<FlowFault> Faults) : SettingsOutcome;

    /// <summary>The person goes on elsewhere.</summary>
    /// <param name="Url">Where.</param>
    public sealed record Elsewhere(string Url) : SettingsOutcome;

    /// <summary>Another error.</summary>
    /// <param name="Error">The error.</param>
    public sealed record Refused(KratosError Error) : SettingsOutcome;

    /// <summary>The sign-in is too long ago.</summary>
    public sealed record NotFresh : SettingsOutcome;
}

/// <summary>A submission to a settings flow, from its person, checked for where it comes from.</summary>
/// <param name="Context">The request.</param>
/// <param name="Person">Who.</param>
/// <param name="Flow">The flow.</param>
/// <param name="Sent">What was submitted.</param>
internal sealed record SettingsTry(HttpContext Context, SessionCaller Person, SettingsFlow Flow, Submission Sent);

/// <summary>Does what is submitted to settings flows.</summary>
/// <param name="passwords">Sets passwords.</param>
/// <param name="passkeys">Binds passkeys.</param>
/// <param name="credentials">The person's credentials.</param>
/// <param name="revoke">Removes credentials.</param>
/// <param name="links">Links logins of other providers.</param>
/// <param name="profile">Changes traits.</param>
/// <param name="rules">What passwords must be.</param>
internal sealed class SettingsMethods(
    SetOwnPassword passwords, AddPasskey passkeys, ListCredentials credentials, RevokeOwnCredential revoke, OidcLinks links, ProfileMethod profile,
    EngineOptions rules)
{
    private const string Register = "passkey_settings_register";
    private const string Remove = "passkey_remove";

    /// <summary>The method that a submission asks for: it says so, or it brings what only one takes.</summary>
    /// <param name="sent">The submission.</param>
    /// <returns>Its name; null where none takes it.</returns>
    public static string? MethodOf(Submission sent) => sent.Text("method") switch
    {
        "password" or "passkey" or "oidc" or "profile" => sent.Text("method"),
        null or "" => sent.Has("link") || sent.Has("unlink") ? "oidc"
            : sent.Has(Register) || sent.Has(Remove) ? "passkey"
            : sent.Has("password") ? "password"
            : sent.Has("traits") ? "profile"
            : null,
        _ => null,
    };

    /// <summary>Does it.</summary>
    /// <param name="attempt">The submission.</param>
    public Task<SettingsOutcome> Run(SettingsTry attempt)
    {
        var options = attempt.Context.Kratos().Options;
        return MethodOf(attempt.Sent) switch
        {
            "password" => options.Password ? SetPassword(attempt) : Disabled(),
            "profile" => options.Profile ? profile.Run(attempt) : Disabled(),
            "passkey" => !options.Passkey ? Disabled() : attempt.Sent.Has(Remove) ? RemovePasskey(attempt) : AddPasskey(attempt),
            "oidc" => !options.Oidc ? Disabled() : attempt.Sent.Has("unlink") ? links.Unlink(attempt) : links.Leave(attempt),
            _ => attempt.Sent.Text("method") is "totp" or "lookup_secret" or "webauthn" ? Disabled() : Wrong(new FlowFault(null, SettingsMessages.NoMethod)),
        };
    }

    /// <summary>What a refusal comes to that has no field of its own.</summary>
    /// <param name="refusal">The refusal.</param>
    public static SettingsOutcome Of(Refusal refusal) => refusal.Code switch
    {
        RefusalCode.FreshSignInRequired => new SettingsOutcome.NotFresh(),
        RefusalCode.SessionInvalid => new SettingsOutcome.Refused(SettingsErrors.NoSession),
        RefusalCode.LastCredential => One(SettingsMessages.LastWayIn),
        RefusalCode.PolicyRefuses => One(SettingsMessages.CredentialFirst),
        RefusalCode.TooManyRequests or RefusalCode.Busy => new SettingsOutcome.Refused(KratosErrors.Of(refusal)),
        _ => One(UiText.Reason(Http.ProblemKinds.SentenceOf(refusal))),
    };

    private static SettingsOutcome.Wrong One(UiText text) => new([new FlowFault(null, text)]);

    private static Task<SettingsOutcome> Wrong(FlowFault fault) => Task.FromResult<SettingsOutcome>(new SettingsOutcome.Wrong([fault]));

    private static Task<SettingsOutcome> Disabled() => Task.FromResult<SettingsOutcome>(new SettingsOutcome.Refused(KratosError.MethodDisabled));

    private async Task<SettingsOutcome> SetPassword(SettingsTry attempt)
    {
        if (attempt.Sent.Text("password") is not { Length: > 0 } password)
        {
            return new SettingsOutcome.Wrong([SettingsMessages.Missing("password")]);
        }

        var set = await passwords.Run(attempt.Person, new SecretText(password), attempt.Context.RequestAborted);
        if (set.Refusal is not { } refusal)
        {
            return new SettingsOutcome.Saved();
        }

        if (refusal.Code != RefusalCode.PasswordRefused)
        {
            return Of(refusal);
        }

        var accounts = attempt.Context.RequestServices.GetRequiredService<Engine.Accounts.ReadOwnAccount>();
        var account = await accounts.Run(attempt.Person.Tenant, attempt.Person.Session.Account, attempt.Context.RequestAborted);
        var fault = account is null ? PasswordRules.Check(password, rules.Passwords, []) : PasswordRules.Check(password, rules.Passwords, account);
        return new SettingsOutcome.Wrong([SettingsMessages.Password(fault, password, rules.Passwords)]);
    }

    private async Task<SettingsOutcome> AddPasskey(SettingsTry attempt)
    {
        if (attempt.Sent.Text(Register) is not { Length: > 0 } text)
        {
            return new SettingsOutcome.Wrong([SettingsMessages.Missing(Register)]);
        }

        var made = PasskeyJson.ReadNew(text);
        if (made.Refusal is not null)
        {
            return One(UiText.Reason("Unable to parse the WebAuthn response."));
        }

        var added = await passkeys.Run(attempt.Person, made.Value, name: null, attempt.Context.RequestAborted);
        return added.Refusal is not { } refusal ? new SettingsOutcome.Saved()
            : refusal.Code == RefusalCode.PasskeyRefused ? One(UiText.Reason("The passkey could not be verified. Please try again."))
            : Of(refusal);
    }

    private async Task<SettingsOutcome> RemovePasskey(SettingsTry attempt)
    {
        var named = attempt.Sent.Text(Remove);
        var passkey = (await credentials.Run(attempt.Person, attempt.Context.RequestAborted))
            .FirstOrDefault(c => c.Kind == CredentialKind.Passkey && SettingsForm.NameOf(c) == named);
        if (passkey is null)
        {
            return One(UiText.Reason("You tried to remove a passkey which does not exist."));
        }

        var removed = await revoke.Run(attempt.Person, passkey.Id, attempt.Context.RequestAborted);
        return removed.Refusal is { } refusal ? Of(refusal) : new SettingsOutcome.Saved();
    }
}
