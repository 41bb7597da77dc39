using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>A text for a person. User interfaces know it by its id and may say it in their own words.</summary>
/// <param name="Id">The id.</param>
/// <param name="Text">The text.</param>
/// <param name="Type"><c>info</c>, <c>error</c> or <c>success</c>.</param>
internal sealed record UiText(long Id, string Text, string Type)
{
    /// <summary>What stands in it; null for nothing.</summary>
    public JsonObject? Context { get; init; }

    /// <summary>One that says something.</summary>
    public static UiText Info(long id, string text, JsonObject? context = null) => new(id, text, "info") { Context = context };

    /// <summary>One that says what is wrong.</summary>
    public static UiText Error(long id, string text, JsonObject? context = null) => new(id, text, "error") { Context = context };

    /// <summary>One that says what went well.</summary>
    public static UiText Success(long id, string text, JsonObject? context = null) => new(id, text, "success") { Context = context };

    /// <summary>What is wrong, in words of its own.</summary>
    /// <param name="reason">What.</param>
    public static UiText Reason(string reason) => Error(4000001, reason, new JsonObject { ["reason"] = reason });
}

/// <summary>More about a node.</summary>
/// <param name="Label">What it is called; null for nothing.</param>
internal sealed record UiMeta(UiText? Label = null);

/// <summary>One field, button or script of a form. Clients refuse kinds that they do not know, so that there are no others.</summary>
/// <param name="Type">The kind: <c>input</c> or <c>script</c>.</param>
/// <param name="Group">The method that it belongs to.</param>
/// <param name="Attributes">An <see cref="UiInput"/> or <see cref="UiScript"/>.</param>
internal sealed record UiNode(string Type, string Group, object Attributes)
{
    /// <summary>What is said about it.</summary>
    public IReadOnlyList<UiText> Messages { get; init; } = [];

    /// <summary>More about it.</summary>
    public UiMeta Meta { get; init; } = new();

    /// <summary>The field, where it is one.</summary>
    [JsonIgnore]
    public UiInput? Input => Attributes as UiInput;

    /// <summary>A field or button.</summary>
    /// <param name="group">Its group.</param>
    /// <param name="input">What it is.</param>
    /// <param name="label">Its label; null for none.</param>
    public static UiNode Of(string group, UiInput input, UiText? label = null) => new("input", group, input) { Meta = new UiMeta(label) };

    /// <summary>What protects a browser's form; empty for a programme's.</summary>
    /// <param name="token">The token.</param>
    public static UiNode Csrf(string token) => Of("default", new UiInput("csrf_token", "hidden") { Value = token, Required = true });

    /// <summary>A button.</summary>
    /// <param name="group">Its group.</param>
    /// <param name="name">Its name.</param>
    /// <param name="value">What it sends.</param>
    /// <param name="label">Its label.</param>
    public static UiNode Submit(string group, string name, string value, UiText label) => Of(group, new UiInput(name, "submit") { Value = value }, label);
}

/// <summary>A field or button.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type, as HTML has it.</param>
internal sealed record UiInput(string Name, string Type)
{
    /// <summary>Its value: a text, a number or a boolean; null for none.</summary>
    public object? Value { get; init; }

    /// <summary>Whether it must be filled; null says nothing.</summary>
    public bool? Required { get; init; }

    /// <summary>What browsers fill it with.</summary>
    public string? Autocomplete { get; init; }

    /// <summary>What it must look like.</summary>
    public string? Pattern { get; init; }

    /// <summary>Whether it can be used.</summary>
    public bool Disabled { get; init; }

    /// <summary>What a page's script does when it is pressed.</summary>
    public string? Onclick { get; init; }

    /// <summary>The name of the vendor's function that does it.</summary>
    [JsonPropertyName("onclickTrigger")]
    public string? OnclickTrigger { get; init; }

    /// <summary>How long it may be.</summary>
    public int? Maxlength { get; init; }

    /// <summary>The kind.</summary>
    public string NodeType => "input";
}

/// <summary>A script of ours that a page loads.</summary>
/// <param name="Src">Where it is.</param>
/// <param name="Integrity">Its hash (Subresource Integrity).</param>
/// <param name="Nonce">Changes with every answer.</param>
internal sealed record UiScript(string Src, string Integrity, string Nonce)
{
    /// <summary>Whether it may run late.</summary>
    public bool Async => true;

    /// <summary>From whom it may be taken without credentials.</summary>
    public string Crossorigin => "anonymous";

    /// <summary>Its id in the page.</summary>
    public string Id => "webauthn_script";

    /// <summary>Its type.</summary>
    public string Type => "text/javascript";

    /// <summary>What a browser says of where it came from.</summary>
    public string Referrerpolicy => "no-referrer";

    /// <summary>The kind.</summary>
    public string NodeType => "script";
}

/// <summary>A form.</summary>
/// <param name="Action">Where it is sent.</param>
/// <param name="Nodes">What is in it, in its order.</param>
internal sealed record UiContainer(string Action, IReadOnlyList<UiNode> Nodes)
{
    /// <summary>How it is sent.</summary>
    public string Method => "POST";

    /// <summary>What is said about the whole; null for nothing.</summary>
    public IReadOnlyList<UiText>? Messages { get; init; }
}

/// <summary>Labels of fields and buttons.</summary>
internal static class UiLabel
{
    /// <summary>What a schema calls a field.</summary>
    /// <param name="title">Its title.</param>
    public static UiText Generated(string title) => UiText.Info(1070002, title, new JsonObject { ["title"] = title });

    public static UiText Password { get; } = UiText.Info(1070001, "Password");

    public static UiText Save { get; } = UiText.Info(1070003, "Save");

    public static UiText Email { get; } = UiText.Info(1070007, "Email");

    public static UiText ResendCode { get; } = UiText.Info(1070008, "Resend code");

    public static UiText Continue { get; } = UiText.Info(1070009, "Continue");

    public static UiText RecoveryCode { get; } = UiText.Info(1070010, "Recovery code");

    public static UiText RecoveryAddress { get; } = UiText.Info(1070016, "Recovery address");

    public static UiText Phone { get; } = UiText.Info(1070017, "Phone number");
}
