using System.Text;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Tests.Inference;

public sealed class ServedModelTests
{
    private static readonly Int8Speed _fast = new(1.9, Saturates: false), _slow = new(1.1, Saturates: false), _cuts = new(1.4, Saturates: true);

    private static readonly ModelDescription _float = new(
        ModelKinds.Classification, ["a", "b"], 224, 224, "squash", "", new Dictionary<string, string>(StringComparer.Ordinal))
    {
        ModelSha256 = "f",
        Thresholds = [.5, .6],
        Temperature = 2,
    };

    private static readonly ModelDescription _both = _float with { EightBit = new Int8Description("i", [.4, .7], 2.1, .1, 8) };

    [Fact]
    public void A_processor_that_gains_runs_the_8_bit_file_with_its_own_thresholds_and_temperature()
    {
        var served = ServedModel.Of(_both, _fast);

        Assert.Equal((ModelFiles.EightBit, "int8", "i"), (served.File, served.Precision, served.Description.ModelSha256));
        Assert.Equal([.4, .7], served.Description.Thresholds);
        Assert.Equal((2.1, .1), (served.Description.Temperature, served.Description.ScoreShift));
        Assert.Equal("It computes with 8 bits.", served.Reason);
    }

    [Fact]
    public void A_processor_that_gains_nothing_runs_the_float_file_and_says_why()
    {
        var served = ServedModel.Of(_both, _slow);

        Assert.Equal((ModelFiles.Model, "float", "f"), (served.File, served.Precision, served.Description.ModelSha256));
        Assert.Equal([.5, .6], served.Description.Thresholds);
        Assert.Null(served.Description.EightBit);
        Assert.StartsWith("It computes in float: 8-bit models compute 1.1 times as fast", served.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_processor_that_cuts_sums_off_runs_weights_of_7_bits_and_not_of_8()
    {
        var served = ServedModel.Of(_both, _cuts);
        Assert.Equal(ModelFiles.Model, served.File);
        Assert.StartsWith(
            "It computes in float: the weights of its 8-bit model have 8 bits, and 8-bit models compute 1.4", served.Reason, StringComparison.Ordinal);
        Assert.False(_both.OfInt8().IsExactOn(_cuts));
        Assert.True(_both.OfInt8().IsExactOn(_fast) && _float.IsExactOn(_cuts));

        served = ServedModel.Of(_both with { EightBit = _both.EightBit! with { WeightBits = 7 } }, _cuts);
        Assert.Equal((ModelFiles.EightBit, 7), (served.File, served.Description.WeightBits));
        Assert.True(served.Description.IsExactOn(_cuts));
    }

    [Fact]
    public void Without_an_8_bit_file_there_is_nothing_to_choose_and_nothing_to_say()
    {
        var served = ServedModel.Of(_float, _fast);

        Assert.Equal((ModelFiles.Model, "float", null), (served.File, served.Precision, served.Reason));
        Assert.Same(_float, served.Description);
    }

    [Fact]
    public void What_model_json_says_of_it_comes_back()
    {
        ModelDescription read = ModelDescription.FromJson(Encoding.UTF8.GetBytes(_both.ToJson()));

        Assert.Equal(("i", 2.1, .1), (read.EightBit!.ModelSha256, read.EightBit.Temperature, read.EightBit.ScoreShift));
        Assert.Equal([.4, .7], read.EightBit.Thresholds);
        Assert.DoesNotContain("recision", _float.ToJson(), StringComparison.Ordinal);
        Assert.DoesNotContain("\"int8\"", _float.ToJson(), StringComparison.Ordinal);
        Assert.Contains(
            "8-bit model",
            Assert.Throws<InvalidDataException>(() => ModelDescription.FromJson(
                """{"kind":"classification","labels":["a"],"resize":"fit","int8":{}}"""u8)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Both_files_have_a_checksum()
    {
        string folder = Directory.CreateTempSubdirectory("ocellus-test-").FullName;
        try
        {
            ModelFiles.Save(folder, [1, 2, 3], _both, [4, 5, 6]);
            ModelDescription read = ModelDescription.FromJson(File.ReadAllBytes(Path.Combine(folder, ModelFiles.Description)));
            Assert.Empty(ServedModel.Damages(folder, read));

            File.WriteAllBytes(Path.Combine(folder, ModelFiles.EightBit), [4, 5, 7]);
            Assert.Equal([ModelFiles.EightBit], ServedModel.Damages(folder, read));
            File.WriteAllBytes(Path.Combine(folder, ModelFiles.Model), [1]);
            Assert.Equal([ModelFiles.Model, ModelFiles.EightBit], ServedModel.Damages(folder, read));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_processor_is_measured_with_convolutions_whose_sums_are_known()
    {
        Int8Speed measured = Int8Speed.Here;

        Assert.InRange(measured.Factor, .01, 100);
        Assert.Contains(measured.Saturates ? "cut off" : "exact", measured.Sentence, StringComparison.Ordinal);
        Assert.Equal(measured.Gains, !measured.Sentence.Contains("less than", StringComparison.Ordinal));
    }
}
