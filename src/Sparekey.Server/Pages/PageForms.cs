using Sparekey.Core;
using Sparekey.Engine.Applications;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>What the pages of signed-in people have in common.</summary>
internal static class PageForms
{
    /// <summary>How large a form may be that carries what a passkey proved.</summary>
    public const int PasskeyLimit = 64 * 1024;

    /// <summary>Reads a form of a person: a few short fields. What is larger, or no form, is none.</summary>
    /// <param name="context">The request.</param>
    /// <param name="limit">How large, in bytes.</param>
    public static async Task<IFormCollection?> Read(HttpContext context, int limit = 8 * 1024)
    {
        if (!context.Request.HasFormContentType || context.Request.ContentLength is not { } length || length > limit)
        {
            return null;
        }

        try
        {
            return await context.Request.ReadFormAsync(context.RequestAborted);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>A field; empty when it is missing.</summary>
    /// <param name="form">The form.</param>
    /// <param name="name">Its name.</param>
    public static string Text(this IFormCollection form, string name) => form[name].ToString();

    /// <summary>Answers with a page in the language and look of the request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="status">The status.</param>
    /// <param name="heading">The name of the text that it is called by.</param>
    /// <param name="content">What is on it.</param>
    public static async Task<IResult> Page(HttpContext context, int status, string heading, Func<Words, PageBrand, Html> content)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var branding = context.RequestServices.GetRequiredService<ReadBranding>();
        var brand = await branding.Run(context.Visitor(), null, context.RequestAborted);
        return PageAnswer.Of(context, status, words, brand, words[heading], content(words, brand));
    }

    /// <summary>What a refusal is called on these pages.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="refusal">The refusal.</param>
    public static string Say(Words words, Refusal refusal) =>
        words.Find($"refused_{WireName.Of(refusal.Code)}") ?? words[PageAnswer.ErrorOf(refusal.Code)];

    /// <summary>The status of a refusal.</summary>
    /// <param name="refusal">The refusal.</param>
    public static int StatusOf(Refusal refusal) => ProblemKinds.Of(refusal.Code).Status;
}
