using Sparekey.Core.Secrets;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>A provider of OpenID Connect whose accounts people can link to theirs (<c>selfservice.methods.oidc.config.providers</c>).</summary>
/// <param name="Id">Its name here, as it stands in URLs and credentials.</param>
/// <param name="Issuer">Its issuer identifier; its metadata is found below it.</param>
/// <param name="ClientId">What we are called there.</param>
/// <param name="ClientSecret">What proves us there.</param>
internal sealed record OidcProvider(string Id, string Issuer, string ClientId, SecretText ClientSecret)
{
    /// <summary>What people call it.</summary>
    public string Label { get; init; } = Id;

    /// <summary>What is asked for, <c>openid</c> among it.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = ["openid", "email", "profile"];
}
