using System.Security.Cryptography.X509Certificates;

namespace Sparekey.Server.Hosting;

/// <summary>What the server proves itself with on https addresses.</summary>
/// <param name="Leaf">The certificate with its key.</param>
/// <param name="Chain">The certificates of the same file: itself and what is between it and its root.</param>
internal sealed record ServerCertificate(X509Certificate2 Leaf, X509Certificate2Collection Chain)
{
    /// <summary>Reads PEM files.</summary>
    /// <param name="certificateFile">The certificate, followed by those that issued it.</param>
    /// <param name="keyFile">Its key, not encrypted.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">They are no certificate and its key.</exception>
    public static ServerCertificate Load(string certificateFile, string keyFile)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificateFile);
        return new ServerCertificate(X509Certificate2.CreateFromPemFile(certificateFile, keyFile), chain);
    }
}
