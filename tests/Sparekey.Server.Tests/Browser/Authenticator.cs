using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Sparekey.Server.Tests.Browser;

/// <summary>The authenticator that the browser has built in for tests: a device with a screen lock.</summary>
internal sealed class Authenticator
{
    private readonly ICDPSession _session;
    private readonly string _id;

    private Authenticator(ICDPSession session, string id) => (_session, _id) = (session, id);

    public static async Task<Authenticator> Connect(IPage page)
    {
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("WebAuthn.enable");
        var made = await session.SendAsync("WebAuthn.addVirtualAuthenticator", new Dictionary<string, object>
        {
            ["options"] = new Dictionary<string, object>
            {
                ["protocol"] = "ctap2", ["ctap2Version"] = "ctap2_1", ["transport"] = "internal", ["hasResidentKey"] = true,
                ["hasUserVerification"] = true, ["isUserVerified"] = true, ["automaticPresenceSimulation"] = true,
            },
        });
        return new Authenticator(session, made!.Value.GetProperty("authenticatorId").GetString()!);
    }

    /// <summary>Whether the person unlocks it from now on.</summary>
    public Task Verifies(bool does) => Send("WebAuthn.setUserVerified", ("isUserVerified", does));

    public async Task<IReadOnlyList<JsonNode>> Credentials() =>
        [.. JsonNode.Parse((await Send("WebAuthn.getCredentials"))!.Value.GetRawText())!["credentials"]!.AsArray().Select(c => c!)];

    /// <summary>Its credentials, once they are so: a browser passes signals on when it likes.</summary>
    public async Task<IReadOnlyList<JsonNode>> Until(Func<IReadOnlyList<JsonNode>, bool> are)
    {
        for (var left = 50; left > 0; left--)
        {
            if (await Credentials() is var all && are(all))
            {
                return all;
            }

            await Task.Delay(100);
        }

        return await Credentials();
    }

    /// <summary>Takes a credential off it.</summary>
    public Task Remove(JsonNode credential) => Send("WebAuthn.removeCredential", ("credentialId", credential["credentialId"]!.ToString()));

    /// <summary>Puts another credential of an account on it.</summary>
    public async Task Add(string userHandle)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await Send("WebAuthn.addCredential", ("credential", new Dictionary<string, object>
        {
            ["credentialId"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["isResidentCredential"] = true,
            ["rpId"] = "localhost",
            ["privateKey"] = Convert.ToBase64String(key.ExportPkcs8PrivateKey()),
            ["userHandle"] = userHandle,
            ["signCount"] = 1,
        }));
    }

    private Task<JsonElement?> Send(string method, params (string Name, object Value)[] more)
    {
        var parameters = more.ToDictionary(m => m.Name, m => m.Value, StringComparer.Ordinal);
        parameters["authenticatorId"] = _id;
        return _session.SendAsync(method, parameters);
    }
}
