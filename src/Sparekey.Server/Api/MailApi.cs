using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Delivery.MailTexts;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>What a tenant's mail says, and how it presents itself.</summary>
internal static class MailApi
{
    private const int BodyLimit = 256 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/mail").WithTags("mail");
        group.MapGet("/settings", ReadSettings).RequirePermission(Permission.TenantAdmin).WithSummary("How mail presents itself.");
        group.MapPut("/settings", PutSettings).Takes<SettingsBody>().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Changes how mail presents itself; version is the one the writer saw.");
        group.MapGet("/templates", List).RequirePermission(Permission.TenantAdmin).WithSummary("Lists the texts of mail and what may stand in them.");
        var one = group.MapGroup("/templates/{name}/{locale}");
        one.MapGet("/", Read).RequirePermission(Permission.TenantAdmin).WithSummary("Reads a text.");
        one.MapPut("/", Put).Takes<TextBody>().RequirePermission(Permission.TenantAdmin).WithSummary("Puts a text in the place of the built-in one.");
        one.MapDelete("/", Remove).RequirePermission(Permission.TenantAdmin).WithSummary("Takes it away; the built-in one holds again.");
        one.MapPost("/preview", Preview).Takes<TrialBody>().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Shows a mail with values that mean nothing, by a text to try or the one that holds.");
        one.MapPost("/test", SendTest).Takes<TestBody>().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Sends such a mail to the addresses of an account.");
    }

    /// <summary>How mail presents itself.</summary>
    private static async Task<IResult> ReadSettings(HttpContext context, ManageMailTexts manage) =>
        Answers.Json(await manage.ReadSettings(context.Caller(), context.RequestAborted));

    /// <summary>Changes it. Refused: <c>invalid_request</c>, <c>version_conflict</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> PutSettings(HttpContext context, ManageMailTexts manage)
    {
        var body = await StrictBody.Read<SettingsBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await manage.PutSettings(
                context.Caller(), new MailSettings(body.Value.FromName, body.Value.Locale, body.Value.Version), context.RequestAborted)).ToAnswer(s => s);
    }

    /// <summary>All texts, and the names that may stand in them.</summary>
    private static async Task<IResult> List(HttpContext context, ManageMailTexts manage) =>
        Answers.Json(new TextList(
            [.. (await manage.List(context.Caller(), context.RequestAborted)).Select(Row)],
            await manage.Variables(context.Caller(), context.RequestAborted)));

    /// <summary>One text. Refused: <c>mail_text_not_found</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, string name, string locale, ManageMailTexts manage) =>
        (await manage.Read(context.Caller(), name, locale, context.RequestAborted)).ToAnswer(View);

    /// <summary>
    /// Puts a text. Refused: <c>mail_text_not_found</c>, <c>invalid_request</c> with every fault, <c>version_conflict</c>,
    /// <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> Put(HttpContext context, string name, string locale, ManageMailTexts manage)
    {
        var body = await StrictBody.Read<TextBody>(context, BodyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await manage.Put(
                context.Caller(), name, locale, new MailText(body.Value.Subject, body.Value.Text, body.Value.Html), body.Value.Version,
                context.RequestAborted)).ToAnswer(View);
    }

    /// <summary>Takes a text away. Refused: <c>mail_text_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Remove(HttpContext context, string name, string locale, ManageMailTexts manage) =>
        (await manage.Remove(context.Caller(), name, locale, context.RequestAborted)).ToAnswer();

    /// <summary>Shows a mail. Refused: <c>mail_text_not_found</c>, <c>invalid_request</c> with every fault.</summary>
    private static async Task<IResult> Preview(HttpContext context, string name, string locale, ManageMailTexts manage)
    {
        var body = await StrictBody.Read<TrialBody>(context, BodyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await manage.Preview(
                context.Caller(), name, locale, body.Value.Text is { } text ? new MailText(body.Value.Subject, text, body.Value.Html) : null,
                context.RequestAborted)).ToAnswer(p => p);
    }

    /// <summary>Sends a mail. Refused: <c>mail_text_not_found</c>, <c>account_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> SendTest(HttpContext context, string name, string locale, ManageMailTexts manage)
    {
        var body = await StrictBody.Read<TestBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await manage.SendTest(context.Caller(), name, locale, body.Value.AccountId, context.RequestAborted)).ToAnswer();
    }

    private static TextRow Row(OwnMailText text) => new(text.Name, text.Locale, text.Version > 0, text.Version, ChangedAt(text));

    private static TextView View(OwnMailText text) => new(
        text.Name, text.Locale, text.Version > 0, text.Version, ChangedAt(text), text.Content.Subject, text.Content.Text, text.Content.Html);

    private static DateTimeOffset? ChangedAt(OwnMailText text) => text.Version > 0 ? text.ChangedAt : null;

    private sealed record SettingsBody(int Version, string Locale, string? FromName = null);

    private sealed record TextBody(
        int Version, [property: FreeText] string Text, string? Subject = null, [property: FreeText] string? Html = null);

    private sealed record TrialBody(
        string? Subject = null, [property: FreeText] string? Text = null, [property: FreeText] string? Html = null);

    private sealed record TestBody(AccountId AccountId);

    private sealed record TextList(IReadOnlyList<TextRow> Templates, IReadOnlyList<string> Variables);

    private sealed record TextRow(string Name, string Locale, bool Own, int Version, DateTimeOffset? ChangedAt);

    private sealed record TextView(
        string Name, string Locale, bool Own, int Version, DateTimeOffset? ChangedAt, string? Subject, string Text, string? Html);
}
