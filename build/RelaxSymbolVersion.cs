#nullable disable
using System;
using System.IO;
using System.Text;

namespace Ocellus.Build
{
    /// <summary>
    /// Makes one needed symbol version of a 64-bit little-endian ELF library weak.
    /// libLibTorchSharp.so was linked against a newer libstdc++ than that of Debian 12 and Ubuntu 22.04. From GLIBCXX_3.4.32 it needs only
    /// std::ios_base_library_init, which no relocation uses, so only the loader's version check fails. A weak need passes that check.
    /// </summary>
    public static class ElfSymbolVersions
    {
        private const uint VersionNeedSection = 0x6ffffffe; // SHT_GNU_verneed
        private const ushort Weak = 2; // VER_FLG_WEAK

        /// <summary>Marks every need of <paramref name="version"/> weak, in place. Returns how many needs were changed.</summary>
        /// <exception cref="InvalidDataException">The bytes are not a well-formed 64-bit little-endian ELF file.</exception>
        public static int Relax(byte[] file, string version)
        {
            if (file.Length < 64 || file[0] != 0x7f || file[1] != 'E' || file[2] != 'L' || file[3] != 'F' || file[4] != 2 || file[5] != 1)
                throw new InvalidDataException("Not a 64-bit little-endian ELF file.");
            long sections = checked((long)U64(file, 40));
            int sectionSize = U16(file, 58), sectionCount = U16(file, 60), changed = 0;
            if (sectionCount > 0 && sectionSize < 64) throw new InvalidDataException("Section headers are too small.");
            for (int s = 0; s < sectionCount; s++)
            {
                long header = sections + (long)s * sectionSize;
                if (U32(file, header + 4) != VersionNeedSection) continue;
                long strings = checked((long)U64(file, sections + (long)U32(file, header + 40) * sectionSize + 24));
                long need = checked((long)U64(file, header + 24));
                uint needs = U32(file, header + 44);
                for (uint n = 0; n < needs; n++)
                {
                    int entries = U16(file, need + 2);
                    long entry = need + U32(file, need + 8);
                    for (int e = 0; e < entries; e++)
                    {
                        ushort flags = U16(file, entry + 4);
                        if ((flags & Weak) == 0 && IsText(file, strings + U32(file, entry + 8), version))
                        {
                            file[entry + 4] = (byte)(flags | Weak);
                            changed++;
                        }
                        uint next = U32(file, entry + 12);
                        if (next == 0) break;
                        entry += next;
                    }
                    uint nextNeed = U32(file, need + 12);
                    if (nextNeed == 0) break;
                    need += nextNeed;
                }
            }
            return changed;
        }

        /// <summary>
        /// Relaxes a file on disk. Returns false if there was nothing to change. The result is written to a new file and renamed over the old
        /// one, which may be a hard link into the package cache.
        /// </summary>
        public static bool RelaxFile(string path, string version)
        {
            byte[] bytes = File.ReadAllBytes(path);
            if (Relax(bytes, version) == 0) return false;
            string temporary = path + "." + Guid.NewGuid().ToString("N") + ".tmp";
            try
            {
                File.WriteAllBytes(temporary, bytes);
                // Keep the time, so that the next build finds size and time unchanged and does not copy the file again.
                File.SetLastWriteTimeUtc(temporary, File.GetLastWriteTimeUtc(path));
                File.Replace(temporary, path, null);
            }
            finally
            {
                if (File.Exists(temporary)) File.Delete(temporary);
            }
            return true;
        }

        /// <summary>Whether the libstdc++ in one of the usual folders defines the version.</summary>
        public static bool HostHas(string version)
        {
            string[] folders = { "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/lib/x86_64-linux-gnu", "/lib64", "/lib/aarch64-linux-gnu" };
            foreach (string folder in folders)
            {
                string path = Path.Combine(folder, "libstdc++.so.6");
                if (File.Exists(path)) return Contains(File.ReadAllBytes(path), version);
            }
            return false;
        }

        internal static bool Contains(byte[] bytes, string text)
        {
            byte[] wanted = Encoding.ASCII.GetBytes(text + "\0");
            for (int i = 0; i + wanted.Length <= bytes.Length; i++)
            {
                i = Array.IndexOf(bytes, wanted[0], i);
                if (i < 0 || i + wanted.Length > bytes.Length) return false;
                int k = 1;
                while (k < wanted.Length && bytes[i + k] == wanted[k]) k++;
                if (k == wanted.Length) return true;
            }
            return false;
        }

        private static bool IsText(byte[] file, long at, string text)
        {
            Check(file, at, text.Length + 1);
            for (int i = 0; i < text.Length; i++)
                if (file[at + i] != text[i]) return false;
            return file[at + text.Length] == 0;
        }

        private static void Check(byte[] file, long at, int length)
        {
            if (at < 0 || at > file.Length - length) throw new InvalidDataException("An ELF table points outside the file.");
        }

        private static ushort U16(byte[] file, long at) { Check(file, at, 2); return (ushort)(file[at] | file[at + 1] << 8); }
        private static uint U32(byte[] file, long at) { return U16(file, at) | (uint)U16(file, at + 2) << 16; }
        private static ulong U64(byte[] file, long at) { return U32(file, at) | (ulong)U32(file, at + 4) << 32; }
    }
}

#if !OCELLUS_NO_MSBUILD
namespace Ocellus.Build
{
    /// <summary>The MSBuild task for ElfSymbolVersions.</summary>
    public sealed class RelaxSymbolVersion : Microsoft.Build.Utilities.Task
    {
        [Microsoft.Build.Framework.Required] public string Library { get; set; }
        [Microsoft.Build.Framework.Required] public string Version { get; set; }

        public override bool Execute()
        {
            if (ElfSymbolVersions.HostHas(Version)) return true;
            try
            {
                if (ElfSymbolVersions.RelaxFile(Library, Version))
                    Log.LogMessage(Microsoft.Build.Framework.MessageImportance.High, "{0}: need of {1} made weak.", Library, Version);
                return true;
            }
            catch (Exception e) when (e is IOException || e is InvalidDataException || e is UnauthorizedAccessException)
            {
                Log.LogError("{0}: could not make the need of {1} weak: {2}", Library, Version, e.Message);
                return false;
            }
        }
    }
}
#endif
