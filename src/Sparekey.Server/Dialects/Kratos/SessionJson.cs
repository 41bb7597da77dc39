using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Sessions;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Sessions as Kratos's clients read them.</summary>
internal static class SessionJson
{
    private const string Recovered = "_recovery";

    /// <summary>A live session.</summary>
    /// <param name="session">The session.</param>
    /// <param name="identity">Whose; null to leave it out.</param>
    public static JsonObject Of(Session session, JsonObject? identity)
    {
        var level = WireName.Of(AssuranceLevels.Of([.. session.Amr]));
        var json = new JsonObject
        {
            ["id"] = session.Id.ToString(),
            ["active"] = true,
            ["expires_at"] = KratosJson.Time(session.ExpiresAt),
            ["authenticated_at"] = KratosJson.Time(session.CreatedAt),
            ["authenticator_assurance_level"] = level,
            ["authentication_methods"] = new JsonArray(
            [
                .. session.Amr.Select(MethodOf).Distinct().Select(m => new JsonObject
                {
                    ["method"] = m, ["aal"] = level, ["completed_at"] = KratosJson.Time(session.CreatedAt),
                }),
            ]),
            ["issued_at"] = KratosJson.Time(session.CreatedAt),
        };
        if (identity is not null)
        {
            json["identity"] = identity;
        }

        // Of devices nothing is kept; clients ask for a member all the same.
        json["devices"] = new JsonArray(new JsonObject
        {
            ["id"] = session.Id.ToString(), ["ip_address"] = "", ["user_agent"] = "", ["location"] = "",
        });
        return json;
    }

    // A closed set on their side: what has no name there is named by what it is most like.
    private static string MethodOf(string method) => method switch
    {
        _ when method.EndsWith(Recovered, StringComparison.Ordinal) => method,
        AssuranceLevels.Possession or AssuranceLevels.UserVerified or AssuranceLevels.HardwareKey => "passkey",
        "otp" => "code",
        "external" or "fed" => "oidc",
        _ => "password",
    };
}
