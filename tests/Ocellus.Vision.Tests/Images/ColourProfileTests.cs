using NetVips;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Tests.Images;

public sealed class ColourProfileTests
{
    // Eight bits of a wide space are coarse ones of sRGB.
    private const double MeanMax = 1.5;

    [Theory]
    [InlineData("prophoto", false)]
    [InlineData("adobe-rgb", false)]
    [InlineData("display-p3", false)]
    [InlineData("linear", true)]
    public void The_same_scene_in_another_colour_space_has_the_same_pixels(string name, bool dark)
    {
        // Steps of a linear space are wide in the dark: there an image has to be bright.
        using var colours = OddImages.Colours();
        using var scene = dark ? ((colours / 2) + 127).Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb) : colours.Copy();
        var profile = TestProfiles.All().First(p => p.Name == name).Profile;
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, profile);
            using var other = scene.IccTransform(file, inputProfile: "srgb", intent: Enums.Intent.Relative);
            var expected = ImageDecoder.DecodeSquashed(scene.PngsaveBuffer(), 128, 96).Rgb;

            Assert.InRange(Mean(expected, ImageDecoder.DecodeSquashed(OddImages.WithProfile(other, profile, png: true), 128, 96).Rgb), 0, MeanMax);
            Assert.True(Mean(expected, ImageDecoder.DecodeSquashed(other.PngsaveBuffer(keep: Enums.ForeignKeep.None), 128, 96).Rgb) > 4);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Images_in_srgb_by_any_name_and_those_whose_profile_is_of_no_use_stay_as_they_are()
    {
        using var image = OddImages.Colours();
        using var grey = image.Colourspace(Enums.Interpretation.Bw);
        var expected = ImageDecoder.DecodeSquashed(image.JpegsaveBuffer(q: 92, keep: Enums.ForeignKeep.None), 128, 96).Rgb;
        byte[] wide = TestProfiles.ProPhoto, withPrograms = [.. wide];
        "D2B0"u8.CopyTo(withPrograms.AsSpan(132));
        foreach (var profile in new[] { TestProfiles.Srgb, ColourProfile.Srgb(), wide[..300], withPrograms, TestProfiles.GreyGamma, Image.ProfileLoad("cmyk") })
        {
            Assert.Equal(expected, ImageDecoder.DecodeSquashed(OddImages.WithProfile(image, profile), 128, 96).Rgb);
        }

        Assert.Equal(
            ImageDecoder.DecodeSquashed(grey.PngsaveBuffer(keep: Enums.ForeignKeep.None), 128, 96).Rgb,
            ImageDecoder.DecodeSquashed(OddImages.WithProfile(grey, TestProfiles.GreySrgb, png: true), 128, 96).Rgb);
        Assert.NotEqual(
            ImageDecoder.DecodeSquashed(grey.PngsaveBuffer(keep: Enums.ForeignKeep.None), 128, 96).Rgb,
            ImageDecoder.DecodeSquashed(OddImages.WithProfile(grey, TestProfiles.GreyGamma, png: true), 128, 96).Rgb);
    }

    private static double Mean(byte[] a, byte[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Average();
}
