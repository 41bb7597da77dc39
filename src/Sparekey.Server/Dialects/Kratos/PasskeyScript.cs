using System.Security.Cryptography;
using System.Text;
using Sparekey.Server.Http;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>The script that makes passkeys in forms of settings flows, where Kratos has its own.</summary>
internal static class PasskeyScript
{
    /// <summary>The function that user interfaces call.</summary>
    public const string Function = "oryPasskeySettingsRegistration";

    private const string Path = "/.well-known/ory/webauthn.js";

    private static readonly string Text = Assets.Read("webauthn.js");
    private static readonly string Integrity = "sha512-" + Convert.ToBase64String(SHA512.HashData(Encoding.UTF8.GetBytes(Text)));

    /// <summary>The node that names it.</summary>
    /// <param name="call">The call.</param>
    public static UiScript Node(KratosCall call) => new(call.At(Path), Integrity, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));

    /// <summary>Its URL.</summary>
    /// <param name="call">The call.</param>
    public static string Url(KratosCall call) => call.At(Path);

    /// <summary>Maps the route.</summary>
    /// <param name="group">The group.</param>
    public static void Map(RouteGroupBuilder group) =>
        group.MapGet(Path, () => Results.Text(Text, "text/javascript", Encoding.UTF8)).Public("A script holds nothing of anybody.")
            .AddEndpointFilter(async (context, next) =>
            {
                // Pages of applications load it with its hash, which asks for this.
                context.HttpContext.Response.Headers.AccessControlAllowOrigin = "*";
                return await next(context);
            });
}
