using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>Makes clients, for the operator of the machine: an application, and for one with a key a programme that acts for it.</summary>
internal static class SetUp
{
    private static readonly TimeSpan LongestGrant = TimeSpan.FromDays(3660);

    /// <summary>Maps the route.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root) =>
        root.MapPost("/local/loginid/clients", Create).RequireLocalOperator().ExcludeFromDescription();

    private static async Task<IResult> Create(HttpContext context, ManageApplications applications, ManageTokens tokens)
    {
        var body = await StrictBody.Read<ClientBody>(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var wanted = body.Value;
        var permissions = PermissionsOf(wanted);
        if (FaultsOf(wanted, permissions) is { Count: > 0 } faults)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest) { Faults = faults });
        }

        var clientId = $"{wanted.Type}-{RandomNumberGenerator.GetHexString(32, lowercase: true)}";
        var made = await applications.Create(
            context.Caller(),
            new ApplicationSettings
            {
                Name = wanted.Name ?? wanted.Namespace,
                RpId = new Assigned<string?>(wanted.RpId),
                Origins = wanted.Origins,
                ClientIds = [new ExternalId(ClientIds.Dialect, clientId)],
                Group = new Assigned<string?>(wanted.Namespace),
            },
            once: null, context.RequestAborted);
        if (made.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        if (wanted.PublicKey is not { } key)
        {
            return Answers.Json(new ClientView(clientId, GrantedUntil: null), StatusCodes.Status201Created);
        }

        // If this does not come to pass, the client has no key and vouches for nothing.
        var order = new TokenOrder(null, clientId, permissions!.Value)
        {
            Ceiling = wanted.Ceiling,
            ExpiresIn = LongestGrant,
            PerMinute = wanted.PerMinute ?? 600,
            Key = new ProgrammeKey(key, null),
            Application = made.Value.Fresh!.Id,
        };
        var granted = await tokens.Create(context.Caller(), order, once: null, context.RequestAborted);
        return granted.ToAnswer(done => new ClientView(clientId, done.Fresh!.Token.ExpiresAt), StatusCodes.Status201Created);
    }

    private static PermissionSet? PermissionsOf(ClientBody wanted)
    {
        if (wanted.Permissions is not { Count: > 0 } names)
        {
            return Scopes.UsualOf(wanted.Type);
        }

        var known = names.Select(n => (IsKnown: Permissions.TryParse(n, out var p), Permission: p)).ToList();
        return known.TrueForAll(k => k.IsKnown) ? PermissionSet.Of(known.Select(k => k.Permission)) : null;
    }

    private static List<FieldFault> FaultsOf(ClientBody wanted, PermissionSet? permissions)
    {
        var faults = new List<FieldFault>();
        if (!ClientIds.Types.Contains(wanted.Type, StringComparer.Ordinal))
        {
            faults.Add(new FieldFault("/type", $"One of: {string.Join(", ", ClientIds.Types)}."));
        }

        if (wanted.Type == ClientIds.Management && wanted.PublicKey is null)
        {
            faults.Add(new FieldFault("/public_key", "A management client has a key."));
        }

        if (wanted.PublicKey is { } pem && SigningPublicKey.Parse(pem) is not { Algorithm: KeyAlgorithm.P256 })
        {
            faults.Add(new FieldFault("/public_key", "A public key of P-256 as PEM, with the label PUBLIC KEY."));
        }

        if (permissions is null)
        {
            faults.Add(new FieldFault("/permissions", "There is no such permission."));
        }

        return faults;
    }

    private sealed record ClientBody(
        string Type, string Namespace, IReadOnlyList<string> Origins, string RpId, [property: FreeText] string? PublicKey = null,
        string? Name = null, IReadOnlyList<string>? Permissions = null, string? Ceiling = null, int? PerMinute = null);

    private sealed record ClientView(string ClientId, DateTimeOffset? GrantedUntil);
}
