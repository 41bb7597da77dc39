using System.Text.Json.Nodes;
using Sparekey.Engine.Keys;

namespace Sparekey.Testing;

/// <summary>Key files for engines that began without one.</summary>
public static class KeyFiles
{
    /// <summary>Makes a key file and gives a ring its key: from then on the ring is the file's.</summary>
    /// <param name="path">Where; there is none yet.</param>
    /// <param name="keys">The ring; what was hashed under its former key is dead.</param>
    /// <param name="time">The clock.</param>
    public static KeyRingFile Make(string path, KeyRing keys, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(time);
        var file = new KeyRingFile(path);
        file.CreateWhenMissing(time.GetUtcNow());
        var secret = JsonNode.Parse(File.ReadAllText(path))!["keys"]![0]!["secret"]!.ToString();
        keys.Replace(new Dictionary<int, byte[]> { [1] = Convert.FromBase64String(secret) }, active: 1);
        return file;
    }
}
