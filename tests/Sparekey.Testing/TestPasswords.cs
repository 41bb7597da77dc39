using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Testing;

/// <summary>Hashing of passwords where its cost is not what is tested.</summary>
public static class TestPasswords
{
    /// <summary>Hashes as the server does, with as many places, at a hundredth of the cost.</summary>
    public static PasswordHashing Hashing() => new(PasswordHashing.FewestIterations / 100, Environment.ProcessorCount, PasswordHashing.Waiting);
}
